import type { Topology } from '../topology/topology.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender, type SendOptions } from '../traffic/sender.js';
import { SENDER_CPU } from './contender.js';
import { cpuTime, cpuTimeBetween } from './cpu-time.js';

export interface Cost {
  /** CPU microseconds of the whole machine per IP packet, including sender and receiver. */
  readonly perPacket: number;
  /** Share of the sent datagrams. */
  readonly lostShare: number;
}

/**
 * Sends traffic at a given rate and measures its cost.
 *
 * @param packets per datagram
 */
export async function costOf(net: Topology, options: SendOptions, packets: number): Promise<Cost> {
  await using receiver = await Receiver.start(net, { cpu: SENDER_CPU, flows: 1000, period: 1000 });
  const before = cpuTime();
  await using sender = await Sender.start(net, { sourceAddresses: 10, sourcePorts: 100, cpu: SENDER_CPU, ...options });
  const sent = await sender.finish();
  const used = cpuTimeBetween(before, cpuTime());
  const received = await receiver.finish();
  return { perPacket: (used.busy * 1e6) / received.distinct / packets, lostShare: lost(received, sent) / sent.sent };
}
