import { bulk } from '../traffic/bulk.js';
import { EchoServers } from '../traffic/echo.js';
import { lost, type Received, Receiver } from '../traffic/receiver.js';
import { Sender, type SendOptions, type Sent } from '../traffic/sender.js';
import { type Contender, SENDER_CPU } from './contender.js';
import { type CpuTime, cpuTime, cpuTimeBetween } from './cpu-time.js';

export type Family = 4 | 6;

export interface Conditions {
  /** Duration of each measurement. */
  readonly seconds: number;
  /** Packets/s for CPU times. */
  readonly costRate: number;
  /** Packets per wake-up of the sender, for CPU times; one measurement each. */
  readonly bursts: readonly number[];
  /** Packets/s for latencies. */
  readonly latencyRate: number;
}

/** The cost per packet, and how many packets were lost. */
export interface Cost {
  readonly burst: number;
  /** CPU microseconds of the whole machine, including sender and receiver. */
  readonly perPacket: number;
  /** The same from the sampled times of /proc/stat. */
  readonly perPacketSampled: number;
  readonly lost: number;
}

/** One contender in one round. */
export interface Figures {
  /** Packets/s received at saturation. */
  readonly delivered: number;
  /** Packets/s sent at saturation. */
  readonly offered: number;
  readonly costs: readonly Cost[];
  readonly latency: Received['latency'];
  /** Packets lost in the latency measurement. */
  readonly latencyLost: number;
  /** Bits/s over one TCP connection. */
  readonly bulk: number;
}

/** Polling interval of the receiver when measuring CPU time, µs: its wake-ups must not count as the contender's. */
const RECEIVER_PERIOD = 1000;

export async function measure(contender: Contender, family: Family, conditions: Conditions): Promise<Figures> {
  const { seconds, costRate, bursts, latencyRate } = conditions;
  const saturation = await traffic(contender, { family, seconds });
  const costs: Cost[] = [];
  for (const burst of bursts) {
    const { sent, received, used } = await traffic(contender, { family, seconds, rate: costRate, burst }, RECEIVER_PERIOD);
    const perPacket = (cpuSeconds: number): number => (cpuSeconds * 1e6) / received.distinct;
    costs.push({ burst, perPacket: perPacket(used.busy), perPacketSampled: perPacket(used.sampled), lost: lost(received, sent) });
  }
  const timed = await traffic(contender, { family, seconds, rate: latencyRate });
  return {
    delivered: saturation.received.distinct / saturation.received.seconds,
    offered: saturation.sent.sent / saturation.sent.seconds,
    costs,
    latency: timed.received.latency,
    latencyLost: lost(timed.received, timed.sent),
    bulk: await bulkThrough(contender, family, seconds),
  };
}

/** With devices as they are by default, which join a connection's packets: it is so that they come in bulk. */
async function bulkThrough({ net, receiverCpu }: Contender, family: Family, seconds: number): Promise<number> {
  await Promise.all(net.hosts.map((host) => host.offload(host.devices, 'on')));
  try {
    await using _servers = await EchoServers.start(net, undefined, { cpu: receiverCpu });
    return await bulk(net, { family, seconds, cpu: SENDER_CPU });
  } finally {
    await Promise.all(net.hosts.map((host) => host.offload(host.devices, 'off')));
  }
}

interface Traffic {
  readonly sent: Sent;
  readonly received: Received;
  readonly used: CpuTime;
}

async function traffic({ net, receiverCpu }: Contender, options: SendOptions, period = 0): Promise<Traffic> {
  await using receiver = await Receiver.start(net, { cpu: receiverCpu, flows: TRAFFIC_FLOWS, period });
  const before = cpuTime();
  await using sender = await Sender.start(net, { sourceAddresses: 10, sourcePorts: TRAFFIC_FLOWS / 10, cpu: SENDER_CPU, ...options });
  const sent = await sender.finish();
  const used = cpuTimeBetween(before, cpuTime());
  const received = await receiver.finish();
  if (received.overflows > 0) throw new Error(`${net.name}: the receiver itself lost ${received.overflows} packets`);
  return { sent, received, used };
}

export const TRAFFIC_FLOWS = 1000;
