// The example in examples/replayed-decisions: what it finds is what two runs of the program differ in.

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const path = (relative: string): string => fileURLToPath(new URL(`../../../../${relative}`, import.meta.url));
const CAPTURE = path('packages/sim/captures/web-and-dns.pcap');
const node = (...args: string[]): string => execFileSync(process.execPath, args, { encoding: 'utf8', maxBuffer: 2 ** 26 });

interface Decided {
  readonly src: string;
  readonly fwmark: number;
}

function decisions(targets: string): Decided[] {
  const lines = node(path('packages/sim/dist/sim.js'), 'replay', CAPTURE, `--targets=${targets}`, '--json').trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Decided);
}

test('disturbed-clients finds the packets that move without need', () => {
  const [before, after] = [decisions('101,102,103,104'), decisions('101,103,104')];
  const expected = new Map<string, number>();
  before.forEach(({ src, fwmark }, i) => {
    if (fwmark !== 102 && after[i]!.fwmark !== fwmark) expected.set(src, (expected.get(src) ?? 0) + 1);
  });
  const shown = node(path('examples/replayed-decisions/dist/disturbed-clients.js'), CAPTURE, '102').trimEnd().split('\n');
  expect(shown.at(-1)).toBe(`${expected.size} clients`);
  const found = shown.slice(0, -1).map((line) => /^(.*): (\d+) packets$/.exec(line)!);
  expect(new Map(found.map(([, client, packets]) => [client, Number(packets)]))).toEqual(expected);
});
