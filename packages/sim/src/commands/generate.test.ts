import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { writtenBy } from '../testing/written-by.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-generate-'));
});
afterAll(() => rmSync(folder, { recursive: true }));
test('a capture that replay reads; the same each time', async () => {
  const [first, second] = [join(folder, 'first.pcap'), join(folder, 'second.pcap')];
  const options = ['--packets=2000', '--fragments=30', '--errors=5', '--attack=20', '--protocols=tcp,udp:2'];
  const { stderr } = await writtenBy('generate', first, ...options);
  expect(stderr).toMatch(/^2,000 packets, \d+ flows, \d+ datagrams in fragments, \d+ ICMP errors, \d+ packets of attacks\n$/);
  await writtenBy('generate', second, ...options);
  expect(readFileSync(first)).toEqual(readFileSync(second));
  expect((await writtenBy('replay', first)).stdout).toMatch(/: 2,000 packets, /);
});

test('bad input: one line', async () => {
  for (const [args, message] of [
    [['--packets=2'], '--packets=2: must be a whole number from 3 to 100000000'],
    [['--protocols=tcp,gre'], 'gre: must be one of tcp, udp, sctp, icmp'],
    [['--protocols=tcp,tcp'], '--protocols=tcp,tcp: tcp is listed twice'],
    [['--attacks=syn:0'], '--attacks=syn:0: all parts are 0'],
    [['--sizes=20'], '--sizes=20: must be a whole number from 28 to 9000'],
  ] as const) {
    const { stdout, stderr, status } = await writtenBy('generate', join(folder, 'none.pcap'), ...args);
    expect([stdout, status]).toEqual(['', 1]);
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(message)]);
  }
});
