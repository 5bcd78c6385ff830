import { appendFileSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect } from 'vitest';
import type { LoadBalancer } from '../load-balancer/load-balancer.js';
import type { Topology } from '../topology/topology.js';
import { deliver } from '../traffic/delivery.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';

/** Packets a second while a fault is observed: so many are lost in each second in which nothing gets through. */
const RATE = 1000;

/** How long traffic may take to be right again, in milliseconds. Generous, because the machine may be busy. */
const RECOVERY_MS = 20_000;

/** Where rows of the table in docs/faults.md are written. */
const REPORT = fileURLToPath(new URL('../../build/faults.md', import.meta.url));

/** What became of the packets that were sent while something happened. */
export interface Observed {
  readonly lost: number;
  /** Flows that went to more than one target. */
  readonly splitFlows: number;
}

/**
 * Sends numbered packets while a fault happens, until traffic is right again, which it must be by itself; and then some more, of which none may be lost.
 *
 * @param name as in docs/faults.md
 * @param fault returns when the fault is over, or when the program has been started again
 */
export async function observe(net: Topology, name: string, fault: () => Promise<void>): Promise<Observed> {
  await using receiver = await Receiver.start(net, { eachFlow: true, period: 200 });
  await using sender = await Sender.start(net, { rate: RATE });
  await fault();
  await isRight(net);
  const sent = await sender.stop();
  const received = await receiver.finish();
  expect(received).toMatchObject({ overflows: 0, foreign: 0 });
  expect(await net.lb.astray()).toBe(0);
  await deliver(net, { rate: RATE, count: 500 });
  const observed = { lost: lost(received, sent), splitFlows: received.splitFlows };
  mkdirSync(fileURLToPath(new URL('../../build', import.meta.url)), { recursive: true });
  appendFileSync(REPORT, `| ${name} | ${observed.lost} | ${(observed.lost / RATE).toFixed(2)} s |\n`);
  return observed;
}

/** Waits until requests are answered. Needs `EchoServers`. */
export async function isRight(net: Topology): Promise<void> {
  const answered = async (): Promise<number> => (await ask(net, { protocol: 'udp', connections: 10, timeout: 200 })).answered;
  await expect.poll(answered, { timeout: RECOVERY_MS }).toBe(10);
}

/** What a load balancer holds that it could leak. */
export interface Holdings {
  readonly descriptors: number;
  /** Octets of memory that are not shared. */
  readonly memory: number;
  readonly sharedMemory: readonly string[];
  readonly rules: number;
}

export async function holdingsOf(lb: LoadBalancer): Promise<Holdings> {
  const { pid } = lb.process;
  const rules = await lb.host.run(['sh', '-c', 'iptables-save; ip6tables-save; ip rule; ip route show table all']);
  return {
    descriptors: readdirSync(`/proc/${pid}/fd`).length,
    memory: 1024 * Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]),
    sharedMemory: readdirSync('/dev/shm').filter((each) => each.startsWith(lb.table)),
    rules: rules.split('\n').filter((line) => !/^[:#]/.test(line)).length,
  };
}
