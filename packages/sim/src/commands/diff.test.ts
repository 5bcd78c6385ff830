import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writtenBy } from '../testing/written-by.js';

const CAPTURE = new URL('../../captures/web-and-dns.pcap', import.meta.url).pathname;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-diff-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
interface Line {
  readonly kind: string;
  readonly fwmark: number | null;
  readonly [field: string]: unknown;
}

const jsonLines = (path: string): Line[] =>
  readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Line);

let configurations = 0;
function configuration(yaml: string): string {
  const path = join(folder, `${configurations++}.yaml`);
  writeFileSync(path, yaml);
  return path;
}

const table = (targets: string, more = ''): string => `tables:\n  web: { targets: { ${targets} }${more} }\n`;
const BEFORE = table('101: 1, 102: 1, 103: 1');

/** What `diff` finds, and, independently, what two replays say: for each connection the first fwmark of each. */
async function compare(
  before: string,
  after: string,
): Promise<{ moved: Line[]; expected: Map<string, [unknown, unknown]>; status: unknown }> {
  const [a, b] = [configuration(before), configuration(after)];
  const [found, first, second] = [join(folder, 'moved'), join(folder, 'before'), join(folder, 'after')];
  const { status, stderr } = await writtenBy('diff', a, b, CAPTURE, `--json=${found}`);
  expect(stderr).toBe('');
  await writtenBy('replay', CAPTURE, `--config=${a}`, `--json=${first}`);
  await writtenBy('replay', CAPTURE, `--config=${b}`, `--json=${second}`);
  const expected = new Map<string, [unknown, unknown]>();
  const packets = jsonLines(second);
  jsonLines(first).forEach((was, i) => {
    const is = packets[i]!;
    const name = JSON.stringify([was.src, was.dst, was.proto, was.sport, was.dport]);
    if (was.kind !== 'icmp-inner' && !expected.has(name)) expected.set(name, [was.fwmark, is.fwmark]);
  });
  for (const [name, [was, is]] of expected) if (was === is) expected.delete(name);
  return { moved: jsonLines(found), expected, status };
}

test.each([
  ['a target less', table('101: 1, 103: 1'), ['its bucket has another target', 'its target is gone']],
  ['a target more', table('101: 1, 102: 1, 103: 1, 104: 1'), ['its bucket has another target']],
  ['more buckets', table('101: 1, 102: 1, 103: 1', ', M: 9973'), ['another number of buckets']],
  ['no targets', table(''), ['dropped: no-target']],
  ['flows', `${BEFORE}flows:\n  - { name: tcp, target: web, protocols: tcp }\n`, ['another flow: none → none', 'dropped: no-flow']],
])('%s', async (_name, after, causes) => {
  const { moved, expected, status } = await compare(BEFORE, after);
  expect(
    new Map(moved.map((line) => [JSON.stringify([line.src, line.dst, line.proto, line.sport, line.dport]), [line.before, line.after]])),
  ).toEqual(expected);
  expect(moved.length).toBeGreaterThan(10);
  expect(causes).toEqual(expect.arrayContaining([...new Set(moved.map(({ why }) => why))]));
  expect(status).toBe(1);
  for (const { before, why } of moved) if (causes.includes('its target is gone')) expect(why === 'its target is gone').toBe(before === 102);
});

test('the same configuration moves nothing; so does the same version, by its records', async () => {
  const [same, records] = [configuration(BEFORE), join(folder, 'records')];
  await writtenBy('replay', CAPTURE, `--config=${same}`, `--json=${records}`);
  for (const args of [
    [same, same, CAPTURE],
    [records, same, CAPTURE],
    [records, records],
  ]) {
    expect(await writtenBy('diff', ...args)).toEqual({
      stdout: '273 connections, of which 0 go elsewhere (0.00%)\n',
      stderr: '',
      status: 0,
    });
  }
});

test('another version that hashes differently, and one that saw another capture', async () => {
  const [same, records, other] = [configuration(BEFORE), join(folder, 'records'), join(folder, 'other')];
  await writtenBy('replay', CAPTURE, `--config=${same}`, `--json=${records}`);
  const lines = jsonLines(records);
  writeFileSync(
    other,
    lines.map((line) => `${JSON.stringify(typeof line.hash === 'number' ? { ...line, hash: 1, fwmark: 103 } : line)}\n`).join(''),
  );
  const { stdout } = await writtenBy('diff', other, same, CAPTURE);
  expect(stdout).toMatch(/^ +\d+ {2}hashed differently\n/m);
  writeFileSync(other, `${JSON.stringify({ ...lines[0], sport: 1 })}\n`);
  expect((await writtenBy('diff', other, records)).stdout).toMatch(/^0 connections.*\nonly in the first: 1\nonly in the second: 273\n/);
});

test('bad input: one line', async () => {
  const [same, records] = [configuration(BEFORE), join(folder, 'broken')];
  writeFileSync(records, '{"n":1,"kind":"normal","src":1}\n');
  for (const [args, message] of [
    [[same, same], 'is a configuration: name a capture to send through it'],
    [[records, same, CAPTURE], ':1: not a line of replay --json'],
    [[join(folder, 'absent'), same, CAPTURE], 'absent'],
  ] as const) {
    const { stdout, stderr, status } = await writtenBy('diff', ...args);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  }
});
