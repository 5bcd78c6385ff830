import { PcapWriter } from '@nfqlb/captures';
import { Command, FILES, text, UsageError, type ValueParser, wholeNumber } from '@nfqlb/options';
import { number } from '../columns.js';
import { DEFAULT_TRAFFIC } from '../generate/default-traffic.js';
import { generateTraffic } from '../generate/traffic.js';
import { ATTACKS, FEWEST_PACKETS, type Mix, PROTOCOLS, type TrafficOptions } from '../generate/traffic-options.js';
import { OutputFile } from '../output-file.js';

const percentage = wholeNumber({ max: 100 });
const part = wholeNumber({ max: 1_000_000 });

/** `nfqlb-sim generate`: a capture of traffic that never was. */
export function generateCommand(): Command {
  return new Command('generate')
    .description('write a capture of generated traffic; the same options and seed give the same capture')
    .argument(
      '[capture]',
      'a new file, pcap; - for standard output',
      text(() => FILES),
      '-',
    )
    .option('--packets <packets>', 'how many', wholeNumber({ min: FEWEST_PACKETS, max: 100_000_000 }), DEFAULT_TRAFFIC.packets)
    .option('--seed <number>', 'another seed gives other traffic', wholeNumber({ max: 0xffffffff }), DEFAULT_TRAFFIC.seed)
    .option('--rate <packets>', 'packets per second', wholeNumber({ min: 1, max: 1_000_000_000 }), DEFAULT_TRAFFIC.rate)
    .option('--flows <flows>', 'flows at a time', wholeNumber({ min: 1, max: 100_000 }), DEFAULT_TRAFFIC.flows)
    .option('--length <packets>', 'mean number of data packets of a flow', wholeNumber({ min: 1, max: 1_000_000 }), DEFAULT_TRAFFIC.length)
    .option('--protocols <mix>', `parts of flows, of ${PROTOCOLS.join(', ')}`, mix(PROTOCOLS), DEFAULT_TRAFFIC.protocols)
    .option('--sizes <mix>', 'parts of data packets, by their length in octets', sizes, DEFAULT_TRAFFIC.sizes)
    .option('--vips <addresses>', 'addresses that flows go to', wholeNumber({ min: 1, max: 250 }), DEFAULT_TRAFFIC.vips)
    .option('--ipv6 <percent>', 'flows of IPv6', percentage, DEFAULT_TRAFFIC.ipv6)
    .option('--fragments <percent>', 'UDP flows of which each datagram is three fragments', percentage, DEFAULT_TRAFFIC.fragmented)
    .option('--errors <percent>', 'data packets that are followed by an ICMP error', percentage, DEFAULT_TRAFFIC.errors)
    .option('--multihoming <percent>', 'SCTP associations that use two addresses of the client', percentage, DEFAULT_TRAFFIC.multihomed)
    .option('--attack <percent>', 'packets that attack, each from another address', percentage, DEFAULT_TRAFFIC.attack)
    .option('--attacks <mix>', `parts of the attack, of ${ATTACKS.join(', ')}`, mix(ATTACKS), DEFAULT_TRAFFIC.attacks)
    .examples(
      ['nfqlb-sim generate traffic.pcap --fragments=20 --errors=1', 'a file'],
      ['nfqlb-sim generate --packets=1000000 --attack=50 --attacks=syn:1', 'half of it a SYN flood; pipe it into nfqlb-sim replay -'],
    )
    .action(run) as Command;
}

type GenerateOptions = Omit<TrafficOptions, 'fragmented' | 'multihomed'> & { readonly fragments: number; readonly multihoming: number };

function run(path: string, { fragments, multihoming, ...options }: GenerateOptions): void {
  if (path === '-' && process.stdout.isTTY) {
    throw new UsageError('invalid-value', 'a terminal does not show captures: name a file, or pipe it into nfqlb-sim replay -', {
      argument: 'capture',
      value: '-',
    });
  }
  const file = new OutputFile(path);
  const writer = new PcapWriter((bytes) => file.write(bytes));
  const counts = generateTraffic({ ...options, fragmented: fragments, multihomed: multihoming }, (bytes, seconds, nanoseconds) =>
    writer.packet(bytes, seconds, nanoseconds),
  );
  writer.flush();
  file.close();
  const others = [
    ...(counts.datagrams > 0 ? [`${number(counts.datagrams)} datagrams in fragments`] : []),
    ...(counts.errors > 0 ? [`${number(counts.errors)} ICMP errors`] : []),
    ...(counts.attacks > 0 ? [`${number(counts.attacks)} packets of attacks`] : []),
  ];
  process.stderr.write(`${[`${number(counts.packets)} packets`, `${number(counts.flows)} flows`, ...others].join(', ')}\n`);
}

/** Reads `tcp:3,udp`: parts of these names, 1 where none is given. */
function mix<Name extends string>(names: readonly Name[]): ValueParser<Mix<Name>> {
  return mixOf((name) => {
    if (!(names as readonly string[]).includes(name)) {
      throw new UsageError('invalid-value', `must be one of ${names.join(', ')}`, { value: name });
    }
    return name as Name;
  });
}

function mixOf<Name extends string>(check: (name: string) => Name): ValueParser<Mix<Name>> {
  return (value) => {
    const found = new Map<Name, number>();
    for (const item of value.split(',')) {
      const [name = '', share = '1', ...more] = item.split(':');
      if (more.length > 0) throw new UsageError('invalid-value', 'must be names with parts, such as tcp:3,udp:1', { value });
      const checked = check(name);
      if (found.has(checked)) throw new UsageError('invalid-value', `${name} is listed twice`, { value });
      found.set(checked, part(share));
    }
    if ([...found.values()].every((share) => share === 0)) throw new UsageError('invalid-value', 'all parts are 0', { value });
    return found;
  };
}

const octets = wholeNumber({ min: 28, max: 9000 });
const sizes: ValueParser<TrafficOptions['sizes']> = mixOf((name) => `${octets(name)}` as const);
