// The options of a running load balancer, and those that a replay accepts.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const path = (relative: string): string => fileURLToPath(new URL(`../../../${relative}`, import.meta.url));
const NFQLB = path('cli/dist/nfqlb.js');
const SIM = path('sim/dist/sim.js');
const CAPTURE = path('sim/captures/web-and-dns.pcap');

const output = (program: string, ...args: readonly string[]): string => {
  const { stdout, stderr } = spawnSync(process.execPath, [program, ...args], { encoding: 'utf8' });
  return stdout + stderr;
};

test.each(['lb', 'flowlb'])('sim replay knows each option of nfqlb %s', (command) => {
  const names = [...output(NFQLB, command, '--help').matchAll(/^ {2}(--[\w-]+)/gm)].map(([, name]) => name!);
  expect(names).toContain('--queue');
  for (const name of names) expect(output(SIM, 'replay', CAPTURE, `${name}=x`), name).not.toContain('no such option');
});
