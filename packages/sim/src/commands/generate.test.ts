import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '@nfqlb/options';
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest';
import { sim } from '../program.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-generate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

async function nfqlbSim(...args: string[]): Promise<{ stdout: string; stderr: string }> {
  const stdout = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  const stderr = vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  await run(sim(), args);
  const written = { stdout: stdout.mock.calls.join(''), stderr: stderr.mock.calls.join('') };
  vi.restoreAllMocks();
  return written;
}

test('a capture that replay reads; the same each time', async () => {
  const [first, second] = [join(folder, 'first.pcap'), join(folder, 'second.pcap')];
  const options = ['--packets=2000', '--fragments=30', '--errors=5', '--attack=20', '--protocols=tcp,udp:2'];
  const { stderr } = await nfqlbSim('generate', first, ...options);
  expect(stderr).toMatch(/^2,000 packets, \d+ flows, \d+ datagrams in fragments, \d+ ICMP errors, \d+ packets of attacks\n$/);
  await nfqlbSim('generate', second, ...options);
  expect(readFileSync(first)).toEqual(readFileSync(second));
  expect((await nfqlbSim('replay', first)).stdout).toMatch(/: 2,000 packets, /);
});

test('bad input: one line', async () => {
  for (const [args, message] of [
    [['--packets=2'], '--packets=2: must be a whole number from 3 to 100000000'],
    [['--protocols=tcp,gre'], 'gre: there is no gre; there is tcp, udp, sctp, icmp'],
    [['--protocols=tcp,tcp'], '--protocols=tcp,tcp: tcp is listed twice'],
    [['--attacks=syn:0'], '--attacks=syn:0: all parts are 0'],
    [['--sizes=20'], '--sizes=20: must be a whole number from 28 to 9000'],
  ] as const) {
    const { stdout, stderr } = await nfqlbSim('generate', join(folder, 'none.pcap'), ...args);
    expect([stdout, process.exitCode]).toEqual(['', 1]);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
    process.exitCode = undefined;
  }
});
