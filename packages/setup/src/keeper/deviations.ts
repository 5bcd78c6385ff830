import { formatCidr, parseCidr } from '@nfqlb/core/address';
import type { PresentFamily } from '../present.js';
import type { Family } from '../set-up.js';
import { differences, linesOf } from './lines.js';

type Families = Readonly<Record<Family, PresentFamily>>;

/**
 * In what the kernel shows something else than was asked for: rules and routes that are missing or too many, and chains whose order is another.
 *
 * @param keepsFormer whether there may be ways to other targets, too
 */
export function deviations(wanted: Families, shown: Families, keepsFormer: boolean): string[] {
  const [asked, seen] = [wanted, shown].map((families) => linesOf(families).map(essence)) as [string[], string[]];
  const found = differences(asked, seen).filter((line) => !(keepsFormer && line.startsWith('added: ip ')));
  if (found.length > 0) return found;
  return [...new Set(asked.flatMap(chainOf))]
    .filter((chain) => {
      const inOrder = (lines: readonly string[]): string => lines.filter((line) => line.startsWith(`${chain} `)).join('\n');
      return inOrder(asked) !== inOrder(seen);
    })
    .map((chain) => `in another order: ${chain}`);
}

/** `iptables -t mangle -A NFQLB`; none for routes and policy rules. */
function chainOf(line: string): string[] {
  return line.match(/^ip6?tables -t \S+ -A \S+/)?.slice() ?? [];
}

/** Words that say something of our own rules, and how their values are written here. */
const OPTIONS: Readonly<Record<string, (value: string) => string>> = {
  '-t': asItIs,
  '-A': asItIs,
  '-d': address,
  '-m': asItIs,
  '--mark': (value) => String(Number(value.replace('/0xffffffff', ''))),
  '-j': asItIs,
  '--queue-num': asItIs,
  '--queue-balance': asItIs,
  '--to-destination': address,
};
const FLAGS: readonly string[] = ['!', '--save-mark', '--restore-mark'];

/**
 * A line without what depends on who writes it: iptables writes marks in hexadecimal and adds defaults, which differ between versions
 * (`--nfmask 0xffffffff`); and addresses have several notations. Words that are not known are left out, so that a version which adds others
 * does not make a set-up look broken for ever. What is left tells our rules apart.
 */
function essence(line: string): string {
  const words = line.split(' ');
  if (words[0] === 'ip') return line.replace(/(?<= via )\S+/, address);
  const known = words.flatMap((word, i) => {
    const before = words[i - 1];
    const write = before === undefined ? undefined : OPTIONS[before];
    if (write) return [`${before} ${write(word)}`];
    return FLAGS.includes(word) ? [word] : [];
  });
  return [words[0], ...known].join(' ');
}

function asItIs(value: string): string {
  return value;
}

function address(text: string): string {
  const cidr = parseCidr(text.includes('/') ? text : `${text}/${text.includes(':') ? 128 : 32}`);
  return cidr ? formatCidr(cidr).replace(/\/(32|128)$/, '') : text;
}
