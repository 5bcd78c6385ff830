import { bulk } from '../traffic/bulk.js';
import { EchoServers } from '../traffic/echo.js';
import { lost, type Received, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { shortConnections } from '../traffic/short-connections.js';
import { type Contender, SENDER_CPU } from './contender.js';
import { cpuTime, cpuTimeBetween } from './cpu-time.js';
import type { Family } from './figures.js';
import type { Bulk, Connections, Datagrams, Traffic } from './scenario.js';

/** How much traffic is offered. */
export interface Load {
  readonly family: Family;
  readonly seconds: number;
  /** What the traffic is counted in, per second. Default: as much as can be. */
  readonly rate?: number;
  /** IP packets per wake-up of the sender, with a rate. Default 1. */
  readonly burst?: number;
  /** The receiver wakes up so often, µs. Default: for every packet. */
  readonly period?: number;
}

/** What came of it, in what the traffic is counted in: IP packets, connections or bits. */
export interface Outcome {
  /** Per second. */
  readonly offered: number;
  readonly arrived: number;
  readonly lostShare: number;
  /** Absent for bulk. */
  readonly times?: Received['latency'];
  /** CPU microseconds of the whole machine for each that arrived. */
  readonly cost: number;
  /** The same from the sampled times of /proc/stat. */
  readonly costSampled: number;
}

/** Sends traffic through a contender. */
export function offer(contender: Contender, traffic: Traffic, load: Load): Promise<Outcome> {
  switch (traffic.kind) {
    case 'datagrams':
      return offerDatagrams(contender, traffic, load);
    case 'connections':
      return offerConnections(contender, traffic, load);
    case 'bulk':
      return offerBulk(contender, traffic, load);
  }
}

async function offerDatagrams({ net, receiverCpu }: Contender, traffic: Datagrams, load: Load): Promise<Outcome> {
  const { packetsEach, sourceAddresses, sourcePorts, send } = traffic;
  const { family, seconds, rate, burst = 1, period = 0 } = load;
  await using receiver = await Receiver.start(net, { cpu: receiverCpu, flows: sourceAddresses * sourcePorts, period });
  const before = cpuTime();
  await using sender = await Sender.start(net, {
    ...send,
    family,
    seconds,
    sourceAddresses,
    sourcePorts,
    burst: Math.max(1, Math.round(burst / packetsEach)),
    cpu: SENDER_CPU,
    ...(rate === undefined ? {} : { rate: Math.max(1, Math.round(rate / packetsEach)) }),
  });
  const sent = await sender.finish();
  const used = cpuTimeBetween(before, cpuTime());
  const received = await receiver.finish();
  if (received.overflows > 0) throw new Error(`${net.name}: the receiver itself lost ${received.overflows} packets`);
  const packets = received.distinct * packetsEach;
  return {
    offered: (sent.sent * packetsEach) / sent.seconds,
    arrived: received.seconds > 0 ? packets / received.seconds : 0,
    lostShare: lost(received, sent) / sent.sent,
    times: received.latency,
    cost: (used.busy * 1e6) / packets,
    costSampled: (used.sampled * 1e6) / packets,
  };
}

async function offerConnections({ net, receiverCpu }: Contender, _traffic: Connections, load: Load): Promise<Outcome> {
  const { family, seconds, rate } = load;
  await using _servers = await EchoServers.start(net, undefined, { cpu: receiverCpu });
  const before = cpuTime();
  const { begun, answered, latency, ...of } = await shortConnections(net, {
    family,
    seconds,
    cpu: SENDER_CPU,
    ...(rate === undefined ? {} : { rate }),
  });
  const used = cpuTimeBetween(before, cpuTime());
  return {
    offered: begun / of.seconds,
    arrived: answered / of.seconds,
    lostShare: begun === 0 ? 0 : (begun - answered) / begun,
    times: latency,
    cost: (used.busy * 1e6) / answered,
    costSampled: (used.sampled * 1e6) / answered,
  };
}

async function offerBulk({ net, receiverCpu }: Contender, _traffic: Bulk, { family, seconds }: Load): Promise<Outcome> {
  await using _servers = await EchoServers.start(net, undefined, { cpu: receiverCpu });
  const before = cpuTime();
  const rate = await bulk(net, { family, seconds, cpu: SENDER_CPU });
  const used = cpuTimeBetween(before, cpuTime());
  const cost = (cpuSeconds: number): number => (cpuSeconds * 1e6) / (rate * seconds);
  return { offered: rate, arrived: rate, lostShare: 0, cost: cost(used.busy), costSampled: cost(used.sampled) };
}
