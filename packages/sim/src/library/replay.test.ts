import { execFileSync } from 'node:child_process';
import { mkdtempSync, openAsBlob, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { DecisionRecord } from '@nfqlb/core/explanation';
import { afterAll, beforeAll, expect, expectTypeOf, test } from 'vitest';
import { type ReplayedDecision, type ReplayOptions, replay } from '../index.js';
import { bundledProgram, type Outcome } from '../testing/bundled-program.js';

const WEB = fileURLToPath(new URL('../../captures/web-and-dns.pcap', import.meta.url));
const FRAGMENTS = fileURLToPath(new URL('../../../captures/test-data/udp-ipv4.pcap', import.meta.url));
const CONFIGURATION = `tables:
  web: { M: 101, targets: { 101: 1, 102: 2 } }
flows:
  - { name: web, target: web, protocols: tcp }
`;

let folder: string;
let sim: (args: readonly string[]) => Outcome;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-library-'));
  sim = bundledProgram(folder);
  writeFileSync(join(folder, 'nfqlb.yaml'), CONFIGURATION);
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

async function linesOf(capture: string | Blob, options?: ReplayOptions): Promise<string> {
  let lines = '';
  for await (const decision of replay(capture, options)) lines += `${JSON.stringify(decision)}\n`;
  return lines;
}

test.each<[string, ReplayOptions, ...string[]]>([
  ['by default', {}],
  [
    'with targets and changes',
    { targets: [{ fwmark: 7 }, { fwmark: 8, weight: 3 }], M: 67, changes: ['0.5:deactivate 7'] },
    '--targets=7,8:3',
    '--M=67',
    '--at=0.5:deactivate 7',
  ],
  ['with a configuration', { configuration: CONFIGURATION, noFlowFwmark: 9 }, '--config=nfqlb.yaml', '--nolb_fwmark=9'],
])('the decisions of the program, %s', async (_, options, ...given) => {
  const args = given.map((option) => option.replace('nfqlb.yaml', join(folder, 'nfqlb.yaml')));
  for (const capture of [WEB, FRAGMENTS]) {
    const expected = sim(['replay', capture, '--json', ...args]).stdout;
    expect(expected.length).toBeGreaterThan(5000);
    expect(await linesOf(capture, options)).toBe(expected);
    expect(await linesOf(await openAsBlob(capture), options)).toBe(expected);
  }
});

test('decisions before a fault come first, then its error', async () => {
  const broken = join(folder, 'broken.pcap');
  writeFileSync(broken, readFileSync(WEB).subarray(0, 5000));
  const seen: ReplayedDecision[] = [];
  const read = async (): Promise<void> => {
    for await (const decision of replay(broken)) seen.push(decision);
  };
  await expect(read()).rejects.toThrow(/cut off at byte 5000/);
  expect(seen.length).toBeGreaterThan(10);
  await expect(replay(join(folder, 'none')).next()).rejects.toThrow(/no such file/);
  await expect(replay(WEB, { changes: ['1:deactivate --shm=other 7'] }).next()).rejects.toThrow(/there is no table other/);
});

test('a loop that is left closes the capture', async () => {
  for await (const { n } of replay(WEB)) if (n === 3) break;
});

test('the built module is what its types say, and needs no other package', async () => {
  const script = `import { replay } from ${JSON.stringify(join(folder, 'index.js'))};
    let count = 0;
    for await (const { verdict } of replay(${JSON.stringify(WEB)})) count += verdict === 'accept' ? 1 : 0;
    console.log(count);`;
  const shown = execFileSync(process.execPath, ['--input-type=module', '--eval', script], { cwd: folder, encoding: 'utf8' });
  expect(shown).toBe('1557\n');
  expectTypeOf<ReplayedDecision>().toExtend<DecisionRecord>();
});
