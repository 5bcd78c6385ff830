import { printable } from '@nfqlb/core/explanation';
import { Command, items, Option, suggesting, UsageError, wholeNumber, words } from '@nfqlb/options';
import type { SocketAddress } from '@nfqlb/protocol/sockets';
import {
  ALL_AREAS,
  AREA_NAMES,
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
}

export function traceCommand(): Command {
  return new Command('trace')
    .description('follow what a running load balancer does, a line for each thing, until ^C')
    .addOption(
      new Option('--selection <areas>', `what to follow, with commas between: ${AREA_NAMES.join(', ')}`).argParser(
        suggesting(selection, items(words(...AREA_NAMES))),
      ),
    )
    .addOption(new Option('--mask <mask>', 'the same as a number, a bit for each in this order').argParser(traceMask))
    .addOption(traceAddressOption('where the load balancer gives traces'))
    .option('--count <n>', 'end after so many lines', wholeNumber({ min: 1 }))
    .option(
      '--write <file>',
      'write the traced packets as pcapng too, with fwmark and reason as comments; -: to stdout, and the lines to stderr',
    )
    .action(trace) as Command;
}

async function trace({ mask, selection: selected, trace_address, count, write }: TraceOptions): Promise<void> {
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
  say(`Mask=${formatMask(areas)}`);
  let lines = 0;
  for await (const event of followTrace(trace_address ?? DEFAULT_TRACE_ADDRESS, { areas: areas & ALL_AREAS, octets: file !== undefined })) {
    // It comes from packets, from names, and perhaps from a program that is no load balancer.
    say(printable(event.text));
    if (event.packet) file?.add(event.packet);
    if (event.areas !== 0 && ++lines === count) break;
  }
  file?.close();
  if (count !== undefined && lines === count) return;
  const ended = 'the load balancer has ended the trace';
  if (count !== undefined) throw new TraceError('ENDED', `${ended} after ${lines} lines of ${count}`);
  console.error(`nfqlb trace: ${ended}`);
}
