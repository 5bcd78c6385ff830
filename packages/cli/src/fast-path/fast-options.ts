import { type Cidr, formatCidr, hostBitsProblem, parseCidr } from '@nfqlb/core/address';
import type { FastPathChoice } from '@nfqlb/daemon/fast-path';
import { type Command, list, Option, type QueueRange, repeatable, suggesting, UsageError } from '@nfqlb/options';
import { interfaceNames } from '../completion/names.js';

/** Options of the fast path, of `lb` and `flowlb`. */
export interface FastOptions {
  readonly fast?: readonly (readonly string[])[];
  readonly vip?: readonly (readonly Cidr[])[];
  readonly keep?: boolean;
}

/** IFNAMSIZ of linux/if.h, without the final 0. */
const MAX_INTERFACE_NAME = 15;

export function addFastOptions(command: Command): Command {
  return command
    .addOption(
      new Option('--fast <interfaces>', 'decide packets that come in there in the kernel; what needs thought goes to the queue').argParser(
        repeatable(list(suggesting(interfaceName, interfaceNames))),
      ),
    )
    .addOption(
      new Option(
        '--vip <cidr>',
        'with --fast: the destinations to decide for; repeatable. Default: those of the rules for the queue',
      ).argParser(repeatable(list(destination))),
    )
    .option('--keep', 'with --fast: at the end, leave the program in the kernel, for the next load balancer to take over') as Command;
}

/** @throws {@link UsageError} for options that need `--fast`, and an interface given twice */
export async function fastPathOf(
  { fast, vip, keep = false }: FastOptions,
  queues: QueueRange,
  warn: (line: string) => void,
): Promise<FastPathChoice | undefined> {
  if (fast === undefined) {
    for (const [option, given] of [
      ['--vip', vip !== undefined],
      ['--keep', keep],
    ] as const) {
      if (given) throw new UsageError('invalid-value', 'needs --fast', { option });
    }
    return undefined;
  }
  const interfaces = fast.flat();
  const twice = interfaces.find((name, i) => interfaces.indexOf(name) !== i);
  if (twice !== undefined) throw new UsageError('invalid-value', 'names the interface twice', { option: '--fast', value: twice });
  const vips = vip?.flat() ?? (await vipsOfRules(queues, warn));
  return vips.length === 0 ? undefined : { interfaces, vips, keep };
}

async function vipsOfRules(queues: QueueRange, warn: (line: string) => void): Promise<readonly Cidr[]> {
  const { queueVips } = await import('@nfqlb/setup/path');
  const { vips, unclear, unreadable } = queueVips(queues.first, queues.last);
  for (const { vip, rule } of unclear) {
    const what = `no fast path for ${formatCidr(vip)}: perhaps not all packets to it come to the queue (${rule})`;
    warn(`${what}; if they do, give --vip=${formatCidr(vip)}`);
  }
  if (vips.length === 0) {
    const why = unreadable === undefined ? 'no rule leads all packets to a VIP to the queue' : `the rules cannot be read (${unreadable})`;
    warn(`no fast path: ${why}; give --vip, or nfqlb up --fast first; all packets go through the queue`);
  }
  return vips;
}

function interfaceName(text: string): string {
  if (text.length > MAX_INTERFACE_NAME || /[\s/:]/.test(text)) {
    throw new UsageError('invalid-value', `must be names of interfaces, such as eth0,eth1, each of 1 to ${MAX_INTERFACE_NAME} characters`, {
      value: text,
    });
  }
  return text;
}

/** Unlike a VIP of `up`, it may be everything. */
function destination(text: string): Cidr {
  const cidr = parseCidr(text);
  const problem = cidr ? hostBitsProblem(text) : 'must be ADDRESS/BITS such as 10.0.0.1/32 or 2001:db8::1/128, with its number of bits';
  if (!cidr || problem) throw new UsageError('invalid-value', problem ?? '', { value: text });
  return cidr;
}
