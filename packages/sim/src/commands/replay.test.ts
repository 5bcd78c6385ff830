import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { pcap } from '@nfqlb/captures/testing';
import { fragments, packet } from '@nfqlb/core/testing';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { bundledProgram, type Outcome } from '../testing/bundled-program.js';

const root = new URL('../../', import.meta.url).pathname;
let folder: string;
let program: (args: readonly string[], input?: Uint8Array) => Outcome;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-sim-'));
  program = bundledProgram(folder);
});
afterAll(() => rmSync(folder, { recursive: true }));

const sim = (args: readonly string[], input?: Uint8Array): Outcome => program(['replay', ...args], input);

const data = (name: string): string => join(root, '../captures/test-data', name);
const DEMO = join(root, 'captures/web-and-dns.pcap');

interface DecisionRecord {
  readonly n: number;
  readonly time: string;
  readonly verdict: string;
  readonly fwmark: number | null;
  readonly reason: string;
  readonly kind: string;
  readonly sport?: number;
}

const records = (stdout: string): DecisionRecord[] =>
  stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as DecisionRecord);

let written = 0;
function write(bytes: Uint8Array | string): string {
  const path = join(folder, `file-${written++}`);
  writeFileSync(path, bytes);
  return path;
}

describe('decisions', () => {
  test.each(['telnet-ipv4', 'udp-ipv4', 'udp-ipv6'])('for %s are correct, and match C nfqlb where it is correct', (name) => {
    const expected = JSON.parse(readFileSync(data(`${name}.decisions.json`), 'utf8')) as {
      packets: { n: number; rc: number; expectedFwmark: number }[];
    };
    const { stdout, status } = sim([data(`${name}.pcap`), '--permutation=nfqlb', '--targets=101,102,103,104', '--json']);
    expect(status).toBe(0);
    for (const { n, fwmark } of records(stdout)) expect({ n, fwmark }).toEqual({ n, fwmark: expected.packets[n - 1]!.expectedFwmark });
    expect(records(stdout)).toHaveLength(expected.packets.length);
  });

  test('have exactly the specified fields, in order', () => {
    const records = [
      { bytes: packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(4).build() },
      { bytes: packet().ipv6('1000::2', '1000::1').icmpEcho(7).build(), nanoseconds: 1_500_000 },
      { bytes: packet().ipv4('10.0.0.2', '10.0.0.1').tcp(4711, 80).build().slice(0, 21), seconds: 1 },
      {
        bytes: packet().ipv4('10.0.0.2', '10.0.0.1').fragment({ id: 7, offset: 8, more: false }).protocol(17).payload(4).build(),
        seconds: 61,
      },
      {
        bytes: packet().ipv4('10.0.0.2', '10.0.0.1').fragment({ id: 7, offset: 0, more: true }).udp(4711, 5001).build(),
        seconds: 61,
        nanoseconds: 100_000,
      },
    ];
    const { stdout } = sim([write(pcap(records)), '--targets=7', '--json']);
    expect(stdout.split('\n')).toEqual([
      expect.stringMatching(
        /^\{"n":1,"time":"0\.000000000","verdict":"accept","fwmark":7,"reason":"balanced","kind":"normal","src":"10\.0\.0\.2","dst":"10\.0\.0\.1","proto":17,"sport":4711,"dport":5001,"hash":\d+,"bucket":\d+,"reinjected":false\}$/,
      ),
      expect.stringMatching(
        /^\{"n":2,"time":"0\.001500000","verdict":"accept","fwmark":7,"reason":"balanced","kind":"icmp","src":"1000::2","dst":"1000::1","proto":58,"hash":\d+,"bucket":\d+,"reinjected":false\}$/,
      ),
      '{"n":3,"time":"1.000000000","verdict":"drop","fwmark":null,"reason":"malformed","kind":"malformed","reinjected":false}',
      '{"n":4,"time":"61.000000000","verdict":"store","fwmark":null,"reason":"fragment-stored","kind":"fragment","src":"10.0.0.2","dst":"10.0.0.1","reinjected":false}',
      expect.stringMatching(
        /^\{"n":5,"time":"61\.000100000","verdict":"accept","fwmark":7,"reason":"balanced","kind":"first-fragment","src":"10\.0\.0\.2","dst":"10\.0\.0\.1","proto":17,"sport":4711,"dport":5001,"hash":\d+,"bucket":\d+,"reinjected":false\}$/,
      ),
      '{"n":4,"time":"61.000100000","verdict":"accept","fwmark":7,"reason":"fragment-known","kind":"fragment","src":"10.0.0.2","dst":"10.0.0.1","reinjected":true}',
      '',
    ]);
  });

  test('are the same for a file, standard input and gzip, every time', () => {
    const bytes = readFileSync(DEMO);
    const { stdout } = sim([DEMO, '--json']);
    expect(records(stdout)).toHaveLength(1557);
    expect(sim(['-', '--json'], bytes).stdout).toBe(stdout);
    expect(sim(['-', '--json'], gzipSync(bytes)).stdout).toBe(stdout);
    expect(sim([write(gzipSync(bytes)), '--json']).stdout).toBe(stdout);
  });

  test('go to the file with --json=FILE, and the summary to standard output', () => {
    const file = join(folder, 'decisions.jsonl');
    const { stdout } = sim([DEMO, `--json=${file}`]);
    expect(readFileSync(file, 'utf8')).toBe(sim([DEMO, '--json']).stdout);
    expect(stdout).toContain('1,557 packets');
  });
});

describe('options', () => {
  const UDP = write_pcap([
    packet().ipv4('10.0.0.2', '10.0.0.1').udp(9899, 9899).payload(packet().ipv4('0.0.0.0', '0.0.0.0').sctp(5, 6).build().slice(20)).build(),
    packet().ipv6('1000::2', '1000::1').sctp(5, 6).build(),
  ]);
  function write_pcap(packets: readonly Uint8Array[]): Uint8Array {
    return pcap(packets.map((bytes) => ({ bytes })));
  }

  test('--sctp_encap and --hash_mode: SCTP is balanced by its ports, also inside UDP', () => {
    const both = records(sim(['-', '--sctp_encap=9899', '--json'], UDP).stdout);
    expect(both.map(({ kind }) => kind)).toEqual(['udp-encap', 'normal']);
    expect(both[0]!.fwmark).toBe(both[1]!.fwmark);
    const hashes = (args: string[]): unknown[] =>
      records(sim(['-', '--json', ...args], UDP).stdout).map((record) => (record as unknown as { hash: number }).hash);
    expect(new Set(hashes(['--sctp_encap=9899'])).size).toBe(1);
    expect(new Set(hashes(['--sctp_encap=9899', '--hash_mode=0'])).size).toBe(2);
  });

  test('--notargets_fwmark: fwmark of packets when no target is active', () => {
    const none = ['--at=0:deactivate 101 102 103 104', '--json'];
    expect(records(sim(['-', ...none], UDP).stdout)).toMatchObject([
      { verdict: 'drop', fwmark: null, reason: 'no-target' },
      { verdict: 'drop' },
    ]);
    expect(records(sim(['-', '--notargets_fwmark=99', ...none], UDP).stdout)).toMatchObject([
      { verdict: 'accept', fwmark: 99, reason: 'no-target' },
      {},
    ]);
  });

  test('--at: the table changes at the given time, for new and existing flows alike', () => {
    const at = 0.5;
    const before = records(sim([DEMO, '--json']).stdout);
    const changed = records(sim([DEMO, '--json', `--at=${at}:deactivate 102`, '--at', '0.8:activate --weight=2 105']).stdout);
    const part = (from: number, to: number, of: DecisionRecord[]): DecisionRecord[] =>
      of.filter(({ time }) => Number(time) >= from && Number(time) < to);
    expect(part(-1, at, changed)).toEqual(part(-1, at, before));
    expect(part(at, 99, changed).map(({ fwmark }) => fwmark)).not.toContain(102);
    expect(part(at, 0.8, changed).map(({ fwmark }) => fwmark)).not.toContain(105);
    expect(part(0.8, 99, changed).map(({ fwmark }) => fwmark)).toContain(105);
  });

  test('--at: only changes after the last packet are reported', () => {
    const { status, stderr } = sim([DEMO, '--at=5:activate 106', '--at=0.5:deactivate 102', '--at=1.75:activate 105']);
    expect(status).toBe(0);
    expect(stderr.split('\n').filter((line) => line.includes('--at'))).toEqual([
      'nfqlb-sim replay: warning: --at=1.75:activate 105: not applied, because the last packet is 1.743 s after the first one',
      'nfqlb-sim replay: warning: --at=5:activate 106: not applied, because the last packet is 1.743 s after the first one',
    ]);
    expect(sim([DEMO, '--at=1.743:activate 105']).stderr).not.toContain('--at');
  });

  test('--drain: connections keep the target from which they come, and those that break are counted with their cause', () => {
    // Forty connections that begin in the first second, and talk for ten.
    const talk = Array.from({ length: 10 }, (_, seconds) =>
      Array.from({ length: 40 }, (_, client) => ({
        bytes: packet()
          .ipv4('10.0.0.2', '10.0.0.1')
          .tcp(1024 + client, 80, { flags: seconds === 0 ? 0x02 : 0x10 })
          .build(),
        seconds,
      })),
    ).flat();
    const capture = write(pcap(talk));
    const changes = ['--at=2:deactivate 102', '--at=4:activate 105', '--at=6:activate 102'];
    const brokenIn = (...args: string[]): [broken: number, why: string] => {
      const [, connections, broken, why] = /^TCP connections: (\d+), broken: (\d+)(.*)$/m.exec(sim([capture, ...changes, ...args]).stdout)!;
      expect(connections).toBe('40');
      return [Number(broken), why!];
    };
    const [broken, why] = brokenIn('--drain=0');
    expect(broken).toBeGreaterThan(5);
    expect(why).toMatch(/^ \(its target left without a drain: \d+, targets changed without a drain: \d+\)$/);
    expect(brokenIn('--drain=30')).toEqual([0, '']);
    // A naive count of the targets of each connection.
    const moved = (...args: string[]): number => {
      const targets = new Map<number, Set<number | null>>();
      for (const { sport, fwmark } of records(sim([capture, ...changes, ...args, '--json']).stdout)) {
        targets.set(sport!, (targets.get(sport!) ?? new Set()).add(fwmark));
      }
      return [...targets.values()].filter(({ size }) => size > 1).length;
    };
    expect([moved('--drain=0'), moved('--drain=30')]).toEqual([broken, 0]);
    expect(sim([capture, ...changes]).stdout).not.toContain('broken');
    // A change may have its own.
    expect(brokenIn('--drain=30', '--at=7:deactivate --drain=0 101')[1]).toMatch(/^ \(its target left without a drain: \d+/);
  });

  test('--expect: silent when the decisions are the same, otherwise reports each difference', () => {
    const expected = write(sim([DEMO, '--json']).stdout);
    expect(sim([DEMO, `--expect=${expected}`]).status).toBe(0);
    const { status, stderr } = sim([DEMO, `--expect=${expected}`, '--targets=101,102,103']);
    expect(status).toBe(1);
    expect(stderr).toMatch(new RegExp(`${expected}:\\d+: packet \\d+: fwmark 10\\d, expected 104`));
    expect(stderr).toMatch(/nfqlb-sim replay: \d+ records differ from .*/);
    const lines = readFileSync(expected, 'utf8').split('\n');
    expect(sim([DEMO, '--expect', write(lines.slice(0, -3).join('\n'))]).stderr).toContain('not expected: {"n":1556,');
    expect(sim([DEMO, '--expect', write(`${lines.join('\n')}${lines[0]}\n`)]).stderr).toContain('missing: {"n":1,');
  });

  test('the summary has a line for each target, with its actual and ideal share', () => {
    const { stdout } = sim([DEMO, '--targets=101,102:3']);
    expect(stdout).toMatch(/ 101 +\d+ +[\d,]+ +\d+\.\d\d% +25\.00%\n +102 +[\d,]+ +[\d,]+ +\d+\.\d\d% +75\.00%\n/);
    expect(stdout.replace(DEMO, 'CAPTURE')).toMatchSnapshot();
  });
});

describe('--config', () => {
  const CONFIG = {
    tables: { web: { targets: { 101: 1, 102: 1 } }, dns: { targets: { 201: 1, 202: 3 } } },
    flows: [
      { name: 'web', target: 'web', protocols: 'tcp', priority: 2 },
      { name: 'dns', target: 'dns', protocols: 'udp', dports: 53, priority: 2 },
    ],
  };
  const config = (change: object = {}): string => `--config=${write(JSON.stringify({ ...CONFIG, ...change }))}`;

  interface FlowRecord extends DecisionRecord {
    readonly proto: number;
    readonly dport: number;
    readonly flow?: string;
  }
  const replayed = (...args: string[]): FlowRecord[] => records(sim([DEMO, '--json', ...args]).stdout) as FlowRecord[];
  /** The expected flow, computed independently. */
  const flowOf = ({ proto, dport }: FlowRecord): string | undefined =>
    proto === 6 ? 'web' : proto === 17 && dport === 53 ? 'dns' : undefined;

  test("each packet goes to a target of its flow's table", () => {
    const all = replayed(config());
    expect(new Set(all.map(({ flow }) => flow))).toEqual(new Set(['web', 'dns', undefined]));
    for (const record of all) {
      const { kind, flow, fwmark, reason } = record;
      if (kind !== 'normal') continue;
      expect(flow).toBe(flowOf(record));
      if (flow === undefined) expect([fwmark, reason]).toEqual([null, 'no-flow']);
      else expect(flow === 'web' ? [101, 102] : [201, 202]).toContain(fwmark);
    }
  });

  test('a single table balances all packets, as with --targets', () => {
    const alone = sim([DEMO, '--json', `--config=${write('tables: { any: { M: 499, targets: { 7: 1, 8: 2 } } }')}`]);
    expect(alone.stdout).toBe(sim([DEMO, '--json', '--M=499', '--targets=7,8:2']).stdout);
    const { stdout } = sim([DEMO, config({ flows: undefined }), '--tshm=dns']);
    expect(stdout).toMatch(/^ +202 /m);
    expect(stdout).not.toMatch(/^ +101 /m);
  });

  test('--at changes tables by name, and flows', () => {
    const all = replayed(
      config(),
      '--at=0.3:deactivate --shm=web 101',
      '--at=0.6:flow-set --name=rest --target=dns --prio=1',
      '--at=0.9:flow-delete --name=web',
    );
    const by = (from: number, to: number): FlowRecord[] =>
      all.filter(({ time, kind }) => Number(time) >= from && Number(time) < to && kind === 'normal');
    const flows = (part: FlowRecord[]): unknown => [...new Set(part.map(({ flow }) => flow))].sort();
    expect(by(0, 0.3).some(({ fwmark }) => fwmark === 101)).toBe(true);
    expect(by(0.3, 9).some(({ fwmark }) => fwmark === 101)).toBe(false);
    expect(flows(by(0.9, 9))).toEqual(['dns', 'rest']);
    expect(by(0.6, 9).some(({ reason }) => reason === 'no-flow')).toBe(false);
  });

  test('--nolb_fwmark: fwmark of packets that match no flow', () => {
    const all = replayed(config({ flows: [] }), '--nolb_fwmark=9');
    expect(new Set(all.map(({ fwmark, reason }) => `${fwmark} ${reason}`))).toEqual(new Set(['9 no-flow']));
  });

  test('the summary has each table, and each flow with its packets; ideal shares are relative to the table', () => {
    const { stdout } = sim([DEMO, config()]);
    const all = replayed(config());
    for (const name of ['web', 'dns']) {
      const packets = all.filter(({ flow }) => flow === name).length.toLocaleString('en-US');
      expect(stdout).toMatch(new RegExp(`^ +${name} +${packets} +${name}$`, 'm'));
    }
    expect(stdout).toContain('table dns: M=997, N=32, permutation fwmark, 2 targets active at the end\n');
    const ideal = (fwmark: number): number => Number(new RegExp(`^ +${fwmark} .* ([\\d.]+)%$`, 'm').exec(stdout)![1]);
    expect(ideal(101)).toBe(ideal(102));
    expect(ideal(202) / ideal(201)).toBeCloseTo(3, 1);
  });

  test.each([
    [() => ['--config=none.yaml'], 'none.yaml: no such file or directory'],
    [() => [config({ flows: [{ name: 'a', target: 'x' }] })], 'flow a: there is no table x'],
    [() => [config({ colour: 1 })], 'unknown key "colour"'],
    [() => [config(), '--targets=1'], "option '--config <file>' cannot be used with option '--targets <list>'"],
    [() => [config({ flows: undefined })], '--tshm=nfqlb: there is no table nfqlb in '],
    [() => [config(), '--at=1:deactivate 3'], '--at=1:deactivate 3: there is no table nfqlb; tables: web, dns'],
    [() => [config(), '--at=1:flow-set --name=a --target=x'], 'there is no table x; tables: web, dns'],
    [() => [config(), '--at=1:flow-set --name=a --target=web --dports=0'], 'dports "0": must be a port'],
    [() => ['--at=1:flow-delete --name=a'], '--at=1:flow-delete --name=a: no flows: this needs --config with flows'],
  ] as const)('refused: %s', (args, problem) => {
    const { status, stdout, stderr } = sim([DEMO, ...args()]);
    expect([status, stdout]).toEqual([1, '']);
    expect(stderr).toContain(problem);
    expect(stderr.trimEnd().split('\n')).toHaveLength(1);
  });
});

describe('fragments', () => {
  const UDP = data('udp-ipv4.pcap');

  test.each(['udp-ipv4', 'udp-ipv6'])('of %s all get the fwmark of their datagram, also out of order', (name) => {
    const inOrder = records(sim([data(`${name}.pcap`), '--json']).stdout);
    for (const disorder of [['--reverse-fragments'], ['--shuffle=1'], ['--shuffle=2', '--reverse-fragments', '--reassembler=100']]) {
      const { stdout, status } = sim([data(`${name}.pcap`), '--json', ...disorder]);
      expect(status).toBe(0);
      expect(sim([data(`${name}.pcap`), '--json', ...disorder]).stdout).toBe(stdout);
      const accepted = records(stdout).filter(({ verdict }) => verdict === 'accept');
      expect(accepted.map(({ n, fwmark }) => ({ n, fwmark })).sort((a, b) => a.n - b.n)).toEqual(
        inOrder.map(({ n, fwmark }) => ({ n, fwmark })),
      );
      const times = records(stdout).map(({ time }) => Number(time));
      expect(times).toEqual(times.toSorted((a, b) => a - b));
    }
    expect(sim([data(`${name}.pcap`), '--json', '--shuffle=1']).stdout).not.toBe(
      sim([data(`${name}.pcap`), '--json', '--shuffle=2']).stdout,
    );
  });

  test.each([
    ['--no-tun', 'fragment-no-room'],
    ['--ft_frag=5', 'fragment-poisoned'],
    ['--mtu=1000', 'fragment-too-long'],
    ['--ft_size=1 --ft_buckets=0', 'fragment-no-room'],
  ])('with %s, reversed: %s', (options, reason) => {
    const { stdout } = sim([UDP, '--reverse-fragments', ...options.split(' '), '--json']);
    expect(records(stdout).map((record) => record.reason)).toContain(reason);
    expect(records(stdout).filter(({ verdict }) => verdict === 'accept').length).toBeLessThan(42);
  });

  test('--tun accepts a device name, like lb', () => {
    const { stdout } = sim([UDP, '--reverse-fragments', '--json']);
    for (const tun of ['--tun', '--tun=nfqlb0']) expect(sim([UDP, '--reverse-fragments', '--json', tun]).stdout).toBe(stdout);
  });

  test('--tier and --ownfw: one load balancer of the tier decides each datagram, the others forward it', () => {
    const all = [201, 202, 203].map((own) => records(sim([UDP, '--tier=201,202,203', `--ownfw=${own}`, '--json']).stdout));
    for (let i = 0; i < 42; i++) {
      const taken = all.map((each) => each[i]!);
      expect(taken.filter(({ reason }) => reason === 'fragment-to-tier')).toHaveLength(2);
      const own = [201, 202, 203][taken.findIndex(({ reason }) => reason !== 'fragment-to-tier')];
      expect(new Set(taken.flatMap(({ reason, fwmark }) => (reason === 'fragment-to-tier' ? [fwmark] : [])))).toEqual(new Set([own]));
    }
  });

  test('--expect and --at also work with fragments that come back', () => {
    const change = ['--reverse-fragments', '--at=0.003:deactivate 101 102 103'];
    const expected = write(sim([UDP, ...change, '--json']).stdout);
    expect(sim([UDP, ...change, `--expect=${expected}`]).status).toBe(0);
    const { status, stderr } = sim([UDP, '--reverse-fragments', `--expect=${expected}`]);
    expect(status).toBe(1);
    expect(stderr).toMatch(/packet \d+ re-injected: fwmark 10\d, expected 104/);
  });

  test('the summary shows re-injected fragments separately, the tier, and the fragment table statistics', () => {
    const { stdout } = sim([UDP, '--reverse-fragments', '--tier=201,202', '--ownfw=201', '--reassembler=10']);
    expect(stdout.replace(UDP, 'CAPTURE')).toMatchSnapshot();
  });

  test('--reassembler: datagrams that arrive complete and in order leave the table at once', () => {
    expect(sim([UDP]).stdout).toContain('reAssembled 0, active 2');
    expect(sim([UDP, '--reassembler=100']).stdout).toContain('reAssembled 2, active 0');
    expect(sim([UDP, '--reassembler=1', '--shuffle=1']).stdout).toContain('reAssembled 0, active 2');
  });

  test('a datagram that is incomplete at the end of the capture is still stored', () => {
    const [, second] = fragments(packet().ipv4('10.0.0.2', '10.0.0.1').udp(1, 2).payload(2000).build(), 1500) as [Uint8Array, Uint8Array];
    expect(sim(['-'], pcap([{ bytes: second }])).stdout).toContain('stored: 1 fragment (0 re-injected, 0 discarded, 1 still stored)');
  });
});

describe('bad input: one line, exit status 1, and intact packets are replayed', () => {
  const whole = pcap([1, 2, 3].map((port) => ({ bytes: packet().ipv4('10.0.0.2', '10.0.0.1').udp(port, 80).build() })));
  test.each([
    ['no file', ['/no/such/file'], 'nfqlb-sim replay: /no/such/file: no such file'],
    ['no capture named', [], 'nfqlb-sim replay: missing argument capture; the usage is'],
    ['a directory', ['/tmp'], 'nfqlb-sim replay: /tmp: a directory; expected a capture file, or - for standard input'],
    ['targets that are not numbers', ['-', '--targets=abc'], '--targets=abc: must be a whole number from 1 to 2147483647'],
    ['M below 0', ['-', '--M=-1'], '--M=-1: must be a whole number from 3 to 4294967295'],
    ['N > M', ['-', '--M=7', '--N=8'], 'nfqlb-sim replay: N 8: must be a whole number from 1 to 7'],
    ['more targets than slots', ['-', '--N=1'], 'nfqlb-sim replay: no free slot for fwmark 102: all 1 are taken'],
    ['kind nfqlb above its M', ['-', '--M=100000', '--permutation=nfqlb'], 'M=99991: permutation kind nfqlb goes up to M=65537'],
    [
      'unequal weights of kind nfqlb',
      ['-', '--permutation=nfqlb', '--targets=1,2:2'],
      'unequal weights need a table of permutation kind fwmark',
    ],
    ['a change without a time', ['-', '--at=deactivate 102'], '--at=deactivate 102: must be SECONDS:COMMAND'],
    ['an unknown change', ['-', '--at=1:explode'], 'explode'],
    ['an unknown option', ['-', '--colour'], 'nfqlb-sim replay: '],
    ['a tier that is not numbers', ['-', '--tier=abc'], '--tier=abc: must be a whole number from 1 to 2147483647'],
    [
      'ownfw that is not in the tier',
      ['-', '--tier=201,202', '--ownfw=203'],
      '--ownfw=203: must be one of --tier=201,202, or 0 if not in the tier',
    ],
    ['ownfw without a tier', ['-', '--ownfw=201'], '--ownfw=201: needs --tier, the fwmarks of the load balancers'],
    ['an mtu too small', ['-', '--mtu=100'], '--mtu=100: must be a whole number from 576 to 65531'],
    ['a fragment table without buckets', ['-', '--ft_size=0'], '--ft_size=0: must be a whole number from 1 to 4194304'],
    ['an invalid seed', ['-', '--shuffle=x'], '--shuffle=x: must be a whole number from 0 to 4294967295'],
    ['a shuffle without a seed', ['-', '--shuffle'], '--shuffle: needs a value'],
    ['a missing --expect file', ['-', '--expect=/no/such'], '/no/such'],
    [
      'a text file',
      [new URL(import.meta.url).pathname],
      'not a capture: it begins with 69 6d 70 6f; expected pcap or pcapng, plain or gzip',
    ],
  ])('%s', (_name, args, message) => {
    const { status, stderr } = sim(args, whole);
    expect(status).toBe(1);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  });

  test('a capture that is cut off', () => {
    const { status, stdout, stderr } = sim(['-'], whole.subarray(0, whole.length - 5));
    expect(status).toBe(1);
    expect(stdout).toContain('standard input: 2 packets');
    expect(stderr).toContain(
      `nfqlb-sim replay: standard input: cut off at byte ${whole.length - 5}: record 3 needs 44 octets, only 39 are there`,
    );
  });

  test('a closed output pipe ends it quietly', () => {
    const { status, stderr } = spawnSync(
      'sh',
      ['-c', `"${process.execPath}" "${join(folder, 'sim.js')}" replay "${DEMO}" --json | head -1`],
      {
        encoding: 'utf8',
      },
    );
    expect([status, stderr]).toEqual([0, '']);
  });
});

test('--decap: the packet inside decides', () => {
  const inside = packet().ipv4('10.0.0.2', '10.0.0.1').udp(4711, 5001).payload(6).build();
  const around = packet().ipv4('192.0.2.1', '192.0.2.2').protocol(4).payload(inside).build();
  const decide = (bytes: Uint8Array, ...args: string[]): string => sim(['-', '--json', ...args], pcap([{ bytes }])).stdout;
  expect(decide(around, '--decap')).toBe(decide(inside));
  expect(records(decide(around))).toMatchObject([{ kind: 'addresses-only' }]);
});

test('--write=- and --json cannot both have standard output', () => {
  const { status, stdout, stderr } = sim([DEMO, '--write=-', '--json']);
  expect([status, stdout]).toEqual([1, '']);
  expect(stderr).toBe('nfqlb-sim replay: --write=-: standard output is taken by --json: name a file for one of them\n');
});

describe('the command line of a running load balancer', () => {
  const LIVE = [
    '--tshm=web',
    '--queue=0:3',
    '--qlength=2048',
    '--tun=nfqlb',
    '--ft_shm=other',
    '--trace-address=unix:t',
    '--metrics=127.0.0.1:9090',
    '--fast=eth0',
    '--keep',
  ];

  test('is replayed as it is, and one line says what has no effect', () => {
    const { status, stdout, stderr } = sim([DEMO, ...LIVE]);
    expect(status).toBe(0);
    expect(stdout).toBe(sim([DEMO]).stdout);
    expect(stderr).toMatch(
      /^nfqlb-sim replay: without effect in a replay: --queue, --qlength, --ft_shm, --trace_address, --metrics, --fast, --keep\nreplayed in/,
    );
    expect(sim([DEMO, '--help']).stdout).not.toContain('--qlength');
  });

  test('but for a tier, whose table is not there', () => {
    expect(sim([DEMO, '--lbshm=lbs'])).toMatchObject({
      status: 1,
      stderr:
        'nfqlb-sim replay: --lbshm=lbs: a replay reads no shared memory: name the load balancers with --tier, and this one with --ownfw\n',
    });
  });
});
