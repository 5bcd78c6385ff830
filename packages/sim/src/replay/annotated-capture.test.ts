import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writtenBy } from '../testing/written-by.js';

const FRAGMENTS = new URL('../../../captures/test-data/udp-ipv4.pcap', import.meta.url).pathname;
const WEB = new URL('../../captures/web-and-dns.pcap', import.meta.url).pathname;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-write-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Line {
  readonly n: number;
  readonly fwmark: number | null;
  readonly verdict: string;
  readonly reason: string;
  readonly bucket?: number;
  readonly time: string;
}

/** Replays, and returns the records, and the path of the annotated capture. */
async function replay(capture: string, ...args: string[]): Promise<{ lines: Line[]; path: string }> {
  const [path, records] = [join(folder, 'out.pcapng'), join(folder, 'out.jsonl')];
  await writtenBy('replay', capture, `--write=${path}`, `--json=${records}`, ...args);
  const lines = readFileSync(records, 'utf8').trimEnd().split('\n');
  return { path, lines: lines.map((line) => JSON.parse(line) as Line) };
}

/** What tcpdump prints of a capture: a line for each packet, with its time since 1970. */
function dumped(path: string): string[] {
  const { stdout, status } = spawnSync('tcpdump', ['-nn', '-tt', '--nano', '-r', path], { encoding: 'utf8', maxBuffer: 2 ** 26 });
  expect(status).toBe(0);
  return stdout.trimEnd().split('\n');
}

/** Comments of the packets of a little-endian pcapng file, block by block (draft-ietf-opsawg-pcapng §4.3, §3.5.1). */
function comments(path: string): string[] {
  const file = readFileSync(path);
  const found: string[] = [];
  for (let at = 0; at < file.length; at += file.readUInt32LE(at + 4)) {
    if (file.readUInt32LE(at) !== 6) continue;
    const option = at + 28 + Math.ceil(file.readUInt32LE(at + 20) / 4) * 4;
    expect(file.readUInt16LE(option)).toBe(1);
    found.push(file.toString('utf8', option + 4, option + 4 + file.readUInt16LE(option + 2)));
  }
  return found;
}

test('each accepted packet as in the capture, at its time, with fwmark and reason', async () => {
  const { path, lines } = await replay(WEB, '--at=0:deactivate 101 102 103 104');
  expect(lines.length).toBe(1557);
  expect(comments(path)).toEqual([]);
  const all = await replay(WEB);
  expect(dumped(all.path)).toEqual(dumped(WEB));
  const texts = comments(all.path);
  expect(texts.length).toBe(1557);
  const expected = all.lines.map(({ fwmark, bucket }) =>
    expect.stringMatching(new RegExp(`^balanced: .* = bucket ${bucket} -> fwmark ${fwmark}$`)),
  );
  expect(texts).toEqual(expected);
});

test('fragments that come back are written when they do', async () => {
  const { path, lines } = await replay(FRAGMENTS, '--reverse-fragments');
  const accepted = lines.filter(({ verdict }) => verdict === 'accept');
  expect(lines.length).toBeGreaterThan(accepted.length);
  const texts = comments(path);
  expect(texts.map((text) => Number(/-> fwmark (\d+)$/.exec(text)?.[1]))).toEqual(accepted.map(({ fwmark }) => fwmark));
  // Every fragment of the capture, in another order and at other times.
  const packets = (of: string): string[] =>
    dumped(of)
      .map((line) => line.slice(line.indexOf(' ')))
      .sort();
  expect(packets(path)).toEqual(packets(FRAGMENTS));
});

test.each([
  ['a capture of connections', WEB],
  ['fragments in reverse order', FRAGMENTS, '--reverse-fragments'],
  ['what is left if a target is lost', WEB, '--at=0.5:deactivate 101 102 103 104'],
])('tshark reads as many packets, with these comments and times: %s', async (_, capture, ...args) => {
  const { path, lines } = await replay(capture, ...args);
  const accepted = lines.filter(({ verdict }) => verdict === 'accept');
  expect(accepted.length).toBeGreaterThan(20);
  const fields = ['frame.number', 'frame.time_epoch', 'frame.comment'].flatMap((field) => ['-e', field]);
  // -n: no names are looked up. In the folder are no settings of a user, which could make a difference.
  const { stdout, status } = spawnSync('tshark', ['-n', '-r', path, '-T', 'fields', ...fields], {
    encoding: 'utf8',
    maxBuffer: 2 ** 26,
    env: { ...process.env, XDG_CONFIG_HOME: folder },
  });
  expect(status).toBe(0);
  const shown = stdout
    .trimEnd()
    .split('\n')
    .map((line) => line.split('\t'));
  expect(shown.map(([n]) => Number(n))).toEqual(accepted.map((_, i) => i + 1));
  const begin = Number(dumped(capture)[0]!.split(' ')[0]);
  shown.forEach(([, time, comment], i) => {
    const { fwmark, time: since, bucket } = accepted[i]!;
    expect(comment).toMatch(new RegExp(`-> fwmark ${fwmark}$`));
    if (bucket !== undefined) expect(comment).toContain(`= bucket ${bucket} `);
    // A double has seven digits behind the point for times of today.
    expect(Number(time)).toBeCloseTo(begin + Number(since), 6);
  });
});
