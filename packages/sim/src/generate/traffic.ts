import { mulberry32, RANDOM_RANGE } from '../mulberry32.js';
import { aimedSource } from './aimed.js';
import { addressOf, type Flow, ip, owedBy, startFlow } from './flow.js';
import { setIdentification } from './identification.js';
import { chooseFrom } from './mixed.js';
import { FEWEST_PACKETS, type TrafficOptions } from './traffic-options.js';

/** What was generated. */
export interface TrafficCounts {
  packets: number;
  flows: number;
  datagrams: number;
  errors: number;
  attacks: number;
}

/** After 2023-11-14T22:13:20Z, in seconds since 1970. */
const EPOCH = 1_700_000_000;

/**
 * Generates packets of flows that overlap in time. Memory does not depend on their number. All flows end with the last packet, TCP connections by FIN.
 *
 * @param take gets each packet, which changes afterwards, and its time in seconds since 1970 and nanoseconds
 */
export function generateTraffic(
  options: TrafficOptions,
  take: (bytes: Uint8Array, seconds: number, nanoseconds: number) => void,
): TrafficCounts {
  const random = mulberry32(options.seed);
  const counts: TrafficCounts = { packets: 0, flows: 0, datagrams: 0, errors: 0, attacks: 0 };
  const percent = (part: number): boolean => part > 0 && (random() / RANDOM_RANGE) * 100 < part;
  const flows: Flow[] = [];
  /** Packets that the flows under way still have to send. */
  let owed = 0;
  let identification = 0;
  const room = (): number => options.packets - counts.packets - owed;
  /** What a new flow may send: the rest is for attacks and errors, as many as are expected. */
  const roomForFlow = (): number => {
    const share = (1 - options.attack / 100) / (1 + options.errors / 100);
    const left = Math.floor((options.packets - counts.packets) * share) - owed;
    return room() - left < FEWEST_PACKETS ? room() : left;
  };
  const send = (bytes: Uint8Array): void => {
    const { rate } = options;
    const seconds = Math.floor(counts.packets / rate);
    take(bytes, EPOCH + seconds, Math.floor(((counts.packets % rate) * 1e9) / rate));
    counts.packets++;
  };
  const sendOwed = (bytes: Uint8Array): void => {
    owed--;
    send(bytes);
  };

  while (counts.packets < options.packets) {
    // A rest of less than three packets would be too short for another flow.
    if (room() > FEWEST_PACKETS && percent(options.attack)) {
      counts.attacks++;
      send(attackPacket(options, random));
      continue;
    }
    while (flows.length < options.flows) {
      // What attacks and errors have left when all flows have ended goes to another one.
      const most = flows.length === 0 ? room() : roomForFlow();
      if (most < FEWEST_PACKETS) break;
      const flow = startFlow(counts.flows++, most, options, random);
      owed += owedBy(flow);
      flows.push(flow);
    }
    const i = random() % flows.length;
    const flow = flows[i]!;
    if (flow.begin && !flow.begun) {
      flow.begun = true;
      sendOwed(flow.begin);
    } else if (flow.left > 0) {
      const path = flow.data.length === 1 ? 0 : random() % flow.data.length;
      const parts = flow.data[path]!;
      if (parts.length > 1) {
        counts.datagrams++;
        identification++;
        for (const part of parts) setIdentification(part, flow.family, identification);
      }
      flow.left--;
      for (const part of parts) sendOwed(part);
      if (room() > FEWEST_PACKETS && percent(options.errors)) {
        counts.errors++;
        send(flow.errors[path]!);
      }
    } else {
      sendOwed(flow.end!);
      flow.ended = true;
    }
    if (owedBy(flow) === 0) {
      flows[i] = flows.at(-1)!;
      flows.pop();
    }
  }
  return counts;
}

function attackPacket({ attacks, ipv6, vips }: TrafficOptions, random: () => number): Uint8Array {
  const family = (random() / RANDOM_RANGE) * 100 < ipv6 ? 6 : 4;
  const [source, destination] = [addressOf('attacker', random() % 2 ** 22, family), addressOf('vip', random() % vips, family)];
  const to = ip(source, destination, family);
  const port = 1024 + (random() % 64_000);
  switch (chooseFrom(attacks, random)) {
    case 'syn':
      return to.tcp(port, 80, { flags: 0x02 }).build();
    case 'udp':
      return to.udp(port, 53).payload(32).build();
    case 'fragments':
      // The first one never comes.
      return to.fragment({ id: random(), offset: 1232, more: false }).protocol(17).payload(32).build();
    case 'aimed': {
      const aimed = aimedSource(random);
      return ip(addressOf('attacker', aimed.n, family), destination, family)
        .tcp(aimed.port, 80, { flags: 0x02 })
        .build();
    }
  }
}
