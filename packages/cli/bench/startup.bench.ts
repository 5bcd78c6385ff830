// Startup cost of commands compared with Node alone: whole processes, alternating with `node -e 0`. Goal: at most 1.5 times that.

import { spawnSync } from 'node:child_process';

const ROUNDS = 25;
const GOAL = 1.5;
const SHM = `nfqlb-bench-${process.pid}`;
const nfqlb = new URL('../../dist/nfqlb.js', import.meta.url).pathname;
const COMMANDS = [['version'], ['show', `--shm=${SHM}`], ['activate', `--shm=${SHM}`, '101']];

function milliseconds(...args: string[]): number {
  const begin = performance.now();
  const { status, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  if (status !== 0) throw new Error(`${args.join(' ')}: ${stderr}`);
  return performance.now() - begin;
}

const median = (values: number[]): number => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;

milliseconds(nfqlb, 'init', `--shm=${SHM}`);
try {
  for (const command of COMMANDS) {
    const ratios: number[] = [];
    for (let round = 0; round < ROUNDS; round++) ratios.push(milliseconds(nfqlb, ...command) / milliseconds('-e', '0'));
    const ratio = median(ratios);
    console.log(
      `nfqlb ${command[0]!.padEnd(10)}${ratio.toFixed(2)} × node -e 0   goal: at most ${GOAL}   ${ratio <= GOAL ? 'met' : 'MISSED'}`,
    );
  }
} finally {
  milliseconds(nfqlb, 'delete', `--shm=${SHM}`);
}
