import { printable } from '@nfqlb/core/explanation';
import { Command, items, Option, suggesting, UsageError, wholeNumber, words } from '@nfqlb/options';
import type { SocketAddress } from '@nfqlb/protocol/sockets';
import {
  ALL_AREAS,
  AREA_NAMES,
  areaNames,
  DEFAULT_TRACE_ADDRESS,
  followTrace,
  formatMask,
  selection,
  TraceError,
  traceAddressOption,
  traceMask,
} from '@nfqlb/protocol/trace';
import { CaptureFile } from '../trace/capture-file.js';

interface TraceOptions {
  readonly mask?: number;
  readonly selection?: number;
  readonly trace_address?: SocketAddress;
  readonly count?: number;
  readonly write?: string;
  readonly json?: true;
}

export function traceCommand(): Command {
  return new Command('trace')
    .description('follow what a running load balancer does, one line per event, until ^C')
    .addOption(
      new Option('--selection <areas>', `what to follow, comma-separated: ${AREA_NAMES.join(', ')}`).argParser(
        suggesting(selection, items(words(...AREA_NAMES))),
      ),
    )
    .addOption(new Option('--mask <mask>', 'the same as a number, one bit for each in this order').argParser(traceMask))
    .addOption(traceAddressOption('where the load balancer serves traces'))
    .option('--count <n>', 'end after this many lines', wholeNumber({ min: 1, max: 1_000_000_000 }))
    .option(
      '--write <file>',
      'write the traced packets also as pcapng, with fwmark and reason as comments; -: to stdout, with the lines on stderr',
    )
    .option('--json', 'print a JSON object per line: the areas it belongs to, and the text')
    .examples(
      ['nfqlb trace --selection=packet', 'a line for each packet: what it is, and where it goes'],
      ['nfqlb trace --selection=packet --count=100 --write=packets.pcapng', 'also a capture of a hundred packets'],
      ['nfqlb trace --selection=flows', 'only packets of trace flows: see trace-flow-set'],
    )
    .action(trace) as Command;
}

async function trace({ mask, selection: selected, trace_address, count, write, json }: TraceOptions): Promise<void> {
  if ((mask === undefined) === (selected === undefined)) {
    throw new UsageError('missing-option', 'give one of --selection and --mask, as in --selection=packet');
  }
  const areas = mask ?? selected!;
  if ((areas & ALL_AREAS) === 0)
    throw new UsageError('invalid-value', `none of its bits is an area: they are ${formatMask(ALL_AREAS)}`, {
      option: '--mask',
      value: formatMask(areas),
    });
  const file = write === undefined ? undefined : new CaptureFile(write);
  const say = write === '-' ? console.error : console.log;
  if (!json) say(`Mask=${formatMask(areas)}`);
  let lines = 0;
  for await (const event of followTrace(trace_address ?? DEFAULT_TRACE_ADDRESS, { areas: areas & ALL_AREAS, octets: file !== undefined })) {
    // The text contains data from packets and names, and its sender may not even be a load balancer.
    const text = printable(event.text);
    say(json ? JSON.stringify({ areas: areaNames(event.areas).split(',').filter(Boolean), text }) : text);
    if (event.packet) file?.add(event.packet);
    if (event.areas !== 0 && ++lines === count) break;
  }
  file?.close();
  if (count !== undefined && lines === count) return;
  const ended = 'the load balancer has ended the trace';
  if (count !== undefined) throw new TraceError('ENDED', `${ended} after ${lines} lines of ${count}`);
  console.error(`nfqlb trace: ${ended}`);
}
