import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { bundledProgram, type Outcome } from '../testing/bundled-program.js';

const data = (name: string): string => fileURLToPath(new URL(`../../../captures/test-data/${name}`, import.meta.url));

const CONFIGURATION = `tables:
  web: { M: 101, targets: { 101: 1, 102: 2 } }
  dns: { targets: { 201: 1, 202: 3 } }
flows:
  - { name: web, target: web, protocols: tcp }
  - { name: dns, target: dns, protocols: udp }
`;

let folder: string;
let sim: (args: readonly string[], input?: Uint8Array) => Outcome;
let traffic: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-jobs-'));
  sim = bundledProgram(folder);
  traffic = join(folder, 'traffic.pcap');
  const mix = ['--fragments=40', '--attack=5', '--errors=3', '--multihoming=50', '--protocols=tcp:5,udp:4,sctp:2,icmp:1'];
  expect(sim(['generate', traffic, '--packets=30000', '--rate=30000', ...mix]).status).toBe(0);
  writeFileSync(join(folder, 'nfqlb.yaml'), CONFIGURATION);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

/** All that a replay writes; what it says of threads, and times that it took, are left out. */
function outputs(capture: string, ...options: string[]): Record<string, string> {
  const files = { json: join(folder, 'out.jsonl'), write: join(folder, 'out.pcapng'), report: join(folder, 'out.html') };
  const given = Object.entries(files).map(([name, path]) => `--${name}=${path}`);
  const { status, stdout, stderr } = sim(['replay', capture, ...options, ...given]);
  const read = Object.entries(files).map(([name, path]) => [name, readFileSync(path, 'latin1')] as const);
  return {
    status: `${status}`,
    stdout,
    stderr: stderr.replace(/^replayed in .*$|^nfqlb-sim replay: --jobs=.*\n/gm, ''),
    ...Object.fromEntries(read),
  };
}

test.each([
  ['plain'],
  ['changes of targets', '--targets=101,102,103:2', '--at=0.2:deactivate 102', '--at=0.4:activate 102 105', '--at=0.6:deactivate'],
  ['disorder', '--shuffle=7', '--reverse-fragments'],
  ['a tier, without tun', '--tier=201,202', '--ownfw=201', '--no-tun'],
  ['SCTP by all of its key, and a table of C', '--hash_mode=0', '--permutation=nfqlb', '--M=67'],
  ['flows', '--config=nfqlb.yaml', '--at=0.3:flow-delete --name=dns', '--at=0.5:flow-set --name=dns --target=web --protocols=udp'],
  ['a drain', '--drain=1', '--at=0.2:deactivate 102'],
])('any number of jobs writes what one does, octet by octet: %s', (_, ...options) => {
  const given = options.map((option) => option.replace('nfqlb.yaml', join(folder, 'nfqlb.yaml')));
  const one = outputs(traffic, ...given);
  expect(one.status).toBe('0');
  expect(one.json!.length).toBeGreaterThan(1e6);
  for (const jobs of [2, 3]) {
    const many = outputs(traffic, ...given, `--jobs=${jobs}`);
    for (const [name, text] of Object.entries(one)) expect(many[name] === text, `${name} with ${jobs} jobs`).toBe(true);
  }
});

test.each(['telnet-ipv4.pcap', 'udp-ipv4.pcap', 'udp-ipv6.pcap', 'packets.pcap', 'packets-mixed.pcap', 'web-and-dns.pcapng'])(
  'of %s, too',
  (name) => {
    expect(outputs(data(name), '--jobs=2')).toEqual(outputs(data(name)));
  },
);

test('of a capture that breaks off, and of one that is not there', () => {
  const broken = join(folder, 'broken.pcap');
  writeFileSync(broken, readFileSync(traffic).subarray(0, 1_000_001));
  const one = outputs(broken);
  expect(one.status).toBe('1');
  expect(one.stderr).toContain('cut off at byte 1000001');
  expect(outputs(broken, '--jobs=2')).toEqual(one);
  expect(sim(['replay', join(folder, 'none'), '--jobs=2'])).toMatchObject({ status: 1, stderr: expect.stringContaining('no such file') });
});

test('from a pipe', () => {
  const packets = execFileSync('cat', [traffic], { maxBuffer: 2 ** 26 });
  const [one, two] = [1, 2].map((jobs) => sim(['replay', '-', '--json', `--jobs=${jobs}`], packets));
  expect(two!.stdout === one!.stdout).toBe(true);
});

test.each([
  ['for a summary', [], /--jobs=2: one thread decides all packets, because for a summary it costs more to share packets out/],
  ['with a drain', ['--drain=1', '--json'], /--jobs=2: one thread decides all packets, because connections that are remembered/],
  ['with --json', ['--json'], undefined],
  ['with --write', ['--write=-'], undefined],
] as const)('says if only one thread decides: %s', (_, options, why) => {
  const { stderr } = sim(['replay', data('udp-ipv4.pcap'), '--jobs=2', ...options]);
  if (why) expect(stderr).toMatch(why);
  else expect(stderr).not.toContain('one thread');
});
