import { E2eError } from '../e2e-error.js';
import { NFQLB } from '../load-balancer/program.js';
import type { LbHost } from '../topology/host.js';

/** What `nfqlb doctor` found: its exit status, and its result for each check, as in `listeners` → `problem: nobody listens …`. */
export interface Examination {
  readonly status: number | null;
  readonly says: ReadonlyMap<string, string>;
}

/** Runs `nfqlb doctor` on the load balancer's host. */
export async function doctor(lb: LbHost, wrapper: readonly string[] = []): Promise<Examination> {
  await using running = await lb.spawn([...wrapper, ...NFQLB.command, 'doctor']);
  const { status } = await running.exited;
  if (running.stderr !== '') throw new E2eError('command-failed', `nfqlb doctor: ${running.stderr}`);
  const lines = running.stdout.trimEnd().split('\n').slice(0, -1);
  return {
    status,
    says: new Map(lines.map((line) => line.match(/^(\w+) +(.+?) {2,}(.*)$/)!).map(([, word, check, text]) => [check!, `${word}: ${text}`])),
  };
}
