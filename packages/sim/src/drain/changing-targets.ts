import { Balancer, ConnectionSet, ETH_P_IP, FwmarkLookup, TargetTable } from '@nfqlb/core';
import { packet } from '@nfqlb/core/packet-builder';
import { mulberry32, RANDOM_RANGE } from '../mulberry32.js';
import { BrokenConnections, type Cause } from '../replay/broken-connections.js';

/** How the targets change. */
export type Pattern = 'scale' | 'replace' | 'random';

export interface ChangingTargetsOptions {
  readonly M: number;
  /** Long connections, which talk until the end, and the mean pause between two of their packets, in seconds. */
  readonly connections: number;
  readonly pause: number;
  /** Short connections that begin per second, and last about a second each; SYNs of a flood per second. */
  readonly short: number;
  readonly flood: number;
  /** In seconds of virtual time. */
  readonly duration: number;
  readonly pattern: Pattern;
  /** Number of targets at first, and the most. */
  readonly targets: number;
  readonly most: number;
  /** Number of changes, evenly spread over the duration. */
  readonly changes: number;
  readonly drain: number;
  readonly idle: number;
  /** How many connections can be remembered. */
  readonly remember: number;
  /** Load balancers in the tier, among which a router distributes connections, and when the first of them is lost, in seconds. */
  readonly lbs: number;
  readonly lose: number;
}

export interface ChangingTargetsResult {
  readonly connections: number;
  readonly broken: number;
  readonly byCause: Readonly<Partial<Record<Cause, number>>>;
  /** Packets of connections, and of the flood. */
  readonly packets: number;
  readonly begun: number;
  readonly learned: number;
  readonly refused: number;
}

/** Step of the virtual time, in seconds. */
const STEP = 0.01;

const FIRST_FWMARK = 101;
const SOURCE_ADDRESS = 12;
const PORT = 20;
const FLAGS = 33;
const SYN = 0x02;
const ACK = 0x10;
const FIN = 0x11;

interface Connection {
  /** Its number, from which address and port follow. */
  readonly id: number;
  next: number;
  /** Packets left; Infinity for a long connection. */
  left: number;
  begun: boolean;
}

/** A load balancer of the tier: all have the same table, and each remembers connections on its own. */
interface LoadBalancer {
  readonly balancer: Balancer;
  readonly connections: ConnectionSet;
}

/** Sends generated TCP connections through load balancers while targets change, in virtual time. The same options and seed give the same result. */
export function changingTargets(options: ChangingTargetsOptions, seed: number): ChangingTargetsResult {
  const random = mulberry32(seed);
  const uniform = (): number => random() / RANDOM_RANGE;
  const size = { M: options.M, N: 2 * options.most };
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
  table.setTargets(targetsFrom(FIRST_FWMARK, options.targets));
  const tier = Array.from({ length: options.lbs }, (): LoadBalancer => {
    const connections = new ConnectionSet(ConnectionSet.createMemory({ connections: options.remember, idle: options.idle }, [seed, 0]), {
      connections: options.remember,
      idle: options.idle,
    });
    return { balancer: new Balancer(new FwmarkLookup(table, connections), { connections }), connections };
  });
  const broken = new BrokenConnections(options.idle);
  const bytes = packet().ipv4('10.0.0.0', '192.0.2.1').tcp(0, 80).build();
  const view = new DataView(bytes.buffer);
  const nextTargets = changesOf(options, random);

  let lost = false;
  const send = (id: number, flags: number): void => {
    view.setUint32(SOURCE_ADDRESS, 0x0a000000 + (id >>> 15));
    view.setUint16(PORT, 1024 + (id & 0x7fff));
    bytes[FLAGS] = flags;
    // The router knows no connections either: it hashes them, and those of a lost load balancer go to the others.
    const hash = Math.imul(id + 1, 0x9e3779b1) >>> 8;
    let lb = hash % tier.length;
    if (lost && lb === 0) lb = 1 + (hash % (tier.length - 1));
    const { balancer, connections } = tier[lb]!;
    const fwmark = balancer.decide(bytes, 0, bytes.length, ETH_P_IP);
    broken.look(fwmark, { balancer, connections, table }, bytes, lb);
  };

  let packets = 0;
  let ids = 0;
  let changed = 0;
  const open: Connection[] = Array.from({ length: options.connections }, () => ({
    id: ids++,
    next: uniform() * Math.min(1, options.pause),
    left: Number.POSITIVE_INFINITY,
    begun: false,
  }));
  // The ids of a flood are above all others.
  let flooded = 2 ** 29;
  const steps = Math.round(options.duration / STEP);
  for (let step = 0; step < steps; step++) {
    const now = step * STEP;
    for (const { connections } of tier) connections.now = now * 1000;
    // The first change comes when all long connections have begun.
    while (changed < options.changes && now >= 2 + ((options.duration - 2) * changed) / options.changes) {
      table.setTargets(nextTargets(changed++), { now: now * 1000, seconds: options.drain });
    }
    lost = tier.length > 1 && options.lose > 0 && now >= options.lose;
    for (const { balancer } of tier) balancer.refresh();
    for (let due = perStep(options.short, step); due > 0; due--) open.push({ id: ids++, next: now, left: 4, begun: false });
    for (let due = perStep(options.flood, step); due > 0; due--, packets++) send(flooded++, SYN);
    for (let i = open.length - 1; i >= 0; i--) {
      const connection = open[i]!;
      if (connection.next > now) continue;
      packets++;
      send(connection.id, connection.begun ? (connection.left === 1 ? FIN : ACK) : SYN);
      connection.next =
        now + (connection.begun && connection.left === Number.POSITIVE_INFINITY ? 2 * uniform() * options.pause : 0.6 * uniform());
      connection.begun = true;
      if (--connection.left === 0) {
        open[i] = open.at(-1)!;
        open.pop();
      }
    }
  }
  const counts = tier.map(({ connections }) => connections.counts);
  const total = (name: 'begun' | 'learned' | 'refused'): number => counts.reduce((sum, each) => sum + each[name], 0);
  return {
    // Each SYN of a flood would be a connection.
    connections: ids,
    broken: broken.broken,
    byCause: Object.fromEntries(broken.byCause),
    packets,
    begun: total('begun'),
    learned: total('learned'),
    refused: total('refused'),
  };
}

function targetsFrom(first: number, count: number): { fwmark: number }[] {
  return Array.from({ length: count }, (_, i) => ({ fwmark: first + i }));
}

/** Events in a step at a rate per second. */
function perStep(rate: number, step: number): number {
  return Math.floor((step + 1) * rate * STEP) - Math.floor(step * rate * STEP);
}

/** The targets after each change. */
function changesOf({ pattern, targets, most }: ChangingTargetsOptions, random: () => number): (change: number) => { fwmark: number }[] {
  switch (pattern) {
    case 'scale':
      return (change) => targetsFrom(FIRST_FWMARK, change % 2 === 0 ? most : targets);
    case 'replace':
      // One by one, by others with new fwmarks.
      return (change) => targetsFrom(FIRST_FWMARK + change + 1, targets);
    case 'random':
      return () => {
        const all = targetsFrom(FIRST_FWMARK, most).filter(() => random() % 2 === 0);
        return all.length > 0 ? all : targetsFrom(FIRST_FWMARK, 1);
      };
  }
}
