import { packet } from '@nfqlb/core/packet-builder';
import { expect } from 'vitest';
import type { LbHost } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';
import { inject } from './injection.js';

/** A packet with a number that is unique in its family and irrelevant to the decision. */
export interface Numbered {
  readonly family: 4 | 6;
  readonly number: number;
  readonly bytes: Uint8Array;
}

/** Records the packets behind the queue and their fwmarks: IPv4 by identification, IPv6 by hop limit. */
async function watchMarks(lb: LbHost): Promise<() => Promise<Map<string, number>>> {
  const set = (name: string, field: string): string => `set ${name} { typeof ${field} . meta mark; size 4096; flags dynamic; }`;
  const ruleset = `table inet marks {
    ${set('v4', 'ip id')}
    ${set('v6', 'ip6 hoplimit')}
    chain behind {
      type filter hook prerouting priority -140;
      meta nfproto ipv4 add @v4 { ip id . meta mark }
      meta nfproto ipv6 add @v6 { ip6 hoplimit . meta mark }
    }
  }`;
  await lb.run(['nft', '-f', '-'], { input: ruleset });
  return async () => {
    const marks = new Map<string, number>();
    for (const family of [4, 6]) {
      const listed = await lb.run(['nft', '-n', 'list', 'set', 'inet', 'marks', `v${family}`]);
      for (const [, number, mark] of listed.matchAll(/(\d+) \. (0x[0-9a-f]+)/g)) marks.set(`${family}:${number}`, Number(mark));
    }
    return marks;
  };
}

/** Sends the packets through queue 2 of the load balancer and returns the fwmark of each as seen by the kernel; `null` if it did not pass. */
export async function marksGivenTo(net: Topology, packets: readonly Numbered[]): Promise<(number | null)[]> {
  const marks = await watchMarks(net.lb);
  const hex = packets.map(({ bytes }) => Buffer.from(bytes).toString('hex'));
  expect(await inject(net, { packets: hex, rate: 2000 })).toEqual({ sent: packets.length, refused: 0 });
  // With one queue, the last packet is decided last.
  const marker = packet().ipv4('10.2.0.1', net.vip4, { id: 60_000 }).udp(1, 7).build();
  await inject(net, { packets: [Buffer.from(marker).toString('hex')] });
  await expect.poll(async () => (await marks()).has('4:60000'), { timeout: 10_000 }).toBe(true);
  const seen = await marks();
  return packets.map(({ family, number }) => seen.get(`${family}:${number}`) ?? null);
}
