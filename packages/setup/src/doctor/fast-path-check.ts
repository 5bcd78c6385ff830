import { cidrContains, formatCidr, parseCidr } from '@nfqlb/core/address';
import { walk } from '../path/chain-walk.js';
import { queuesOf, TABLES } from '../path/way-to-queue.js';
import type { Facts, LoadBalancerFacts } from './facts.js';
import { type Finding, ok, problem, warning } from './finding.js';
import { type QueueRule, queueRules } from './queue-rules.js';
import { destination, waysToQueues } from './shadow-check.js';

const CHECK = 'fast path';

/** Whether what the kernel decides, the queue rules and the load balancers fit together. Empty if nobody uses the fast path. */
export function checkFastPath(facts: Facts): Finding[] {
  const { programs, hasBpfFileSystem } = facts.fastPath;
  const balancers = facts.loadBalancers.filter(({ status }) => status?.fastPath);
  const rules = queueRules(facts).filter(({ local }) => !local);
  if (programs.length + balancers.length === 0 && !rules.some(leavesMarked)) return [];

  const findings = [
    ...unmanaged(programs.flatMap(({ isManaged, interface: name }) => (isManaged || name === undefined ? [] : [name])).toSorted()),
    ...balancers.flatMap(troubles),
    ...(programs.length > 0 ? decidedTwice(rules) : undecided(rules)),
    ...balancers.flatMap((balancer) => differentVips(facts, balancer)),
    ...marksBefore(facts),
  ];
  if (programs.length === 0 && !hasBpfFileSystem) {
    const text = '/sys/fs/bpf is not a BPF file system: there is nowhere for a program that outlives the load balancer';
    findings.push(warning(CHECK, text, 'as root: mount -t bpf bpf /sys/fs/bpf, and restart the load balancer'));
  }
  if (findings.length > 0) return findings;
  return [ok(CHECK, `packets that come in at ${namesOf(programs)} are decided in the kernel`)];
}

function namesOf(programs: Facts['fastPath']['programs']): string {
  return programs
    .map((program) => program.interface)
    .toSorted()
    .join(', ');
}

function unmanaged(names: readonly string[]): Finding[] {
  if (names.length === 0) return [];
  const text = `${names.join(', ')}: the kernel decides by the targets that a load balancer had when it ended: they cannot change`;
  return [problem(CHECK, text, `nfqlb lb --fast=${names.join()} (or flowlb), as before, takes over; nfqlb down removes it`)];
}

function troubles({ queue, status }: LoadBalancerFacts): Finding[] {
  const { trouble, interfaces } = status!.fastPath!;
  const who = `the load balancer of queue ${queue}`;
  if (trouble !== undefined)
    return [warning(CHECK, `${who} has none: ${trouble}`, 'do that, then restart it; until then all packets go through the queue')];
  return interfaces
    .filter(({ state }) => state !== 'attached')
    .map(({ name, state, problem: why = `${name} is ${state}` }) =>
      warning(CHECK, `${who}: ${why}`, 'until then, packets that come in there go through the queue'),
    );
}

/** Whether a rule leaves out packets that have a mark: `-m mark --mark 0x0`, `meta mark 0x00000000`. */
function leavesMarked({ text }: QueueRule): boolean {
  return / --mark (?:0x)?0(?:\/0xffffffff)?(?: |$)/.test(text) || /\bmark (?:== )?0x0+ /.test(text);
}

function decidedTwice(rules: readonly QueueRule[]): Finding[] {
  const rule = rules.find((each) => !leavesMarked(each));
  if (!rule) return [];
  const text = `what the kernel has decided goes to the queue all the same (${rule.text})`;
  return [warning(CHECK, text, 'nfqlb up --fast, otherwise as before; or -m mark --mark 0 in that rule')];
}

function undecided(rules: readonly QueueRule[]): Finding[] {
  const rule = rules.find(leavesMarked);
  if (!rule) return [];
  const text = `no program decides packets in the kernel, but those with another program’s mark do not reach the queue (${rule.text})`;
  return [warning(CHECK, text, 'nfqlb lb --fast=INTERFACES (or flowlb), or nfqlb up without --fast, otherwise as before')];
}

/** Whether the kernel decides for the same destinations that rules lead to the queue. */
function differentVips(facts: Facts, { status }: LoadBalancerFacts): Finding[] {
  const queues = status!.queues.map(({ queue }) => queue);
  const decided = status!.fastPath!.vips.map(parseCidr).filter((cidr) => cidr !== undefined);
  const led = waysToQueues(facts)
    .filter(({ hook, rule }) => {
      const { first, last } = queuesOf(rule);
      return hook === 'PREROUTING' && queues.some((queue) => queue >= first && queue <= last);
    })
    .map(({ vip, family }) => parseCidr(vip ?? (family === 4 ? '0.0.0.0/0' : '::/0')))
    .filter((cidr) => cidr !== undefined);
  // Rules of nftables are not followed.
  if (led.length === 0) return [];
  const restart = 'restart the load balancer, which reads the rules when it starts, or give it --vip';
  const isWithin = (one: (typeof led)[number], others: typeof led): boolean =>
    others.some((other) => other.prefixLength <= one.prefixLength && cidrContains(other, one.network));
  const slow = led.filter((vip) => !isWithin(vip, decided)).map(formatCidr);
  const foreign = decided.filter((vip) => !isWithin(vip, led)).map(formatCidr);
  return [
    ...(slow.length > 0 ? [warning(CHECK, `not for ${slow.join(', ')}: its packets all go through the queue`, restart)] : []),
    ...(foreign.length > 0
      ? [problem(CHECK, `the kernel marks packets to ${foreign.join(', ')}, which no rule leads to the queue`, restart)]
      : []),
  ];
}

/** Rules that give packets a mark before the queue rule, so that it takes them for decided. */
function marksBefore(facts: Facts): Finding[] {
  return waysToQueues(facts).flatMap(({ vip, hook, table, tables, rule }) => {
    if (!/ --mark /.test(rule)) return [];
    const packet = { ...destination(vip), mark: 0, isForwarded: true };
    const before = TABLES.slice(0, TABLES.indexOf(table) + 1).flatMap((name) => {
      const outcomes = walk(tables.get(name) ?? new Map(), hook, packet);
      const queue = outcomes.findIndex(({ what }) => what === 'queue');
      return name === table && queue >= 0 ? outcomes.slice(0, queue) : outcomes;
    });
    // That of --syn-only restores a fwmark of a target.
    const marking = before.find(({ what, rule: marks }) => what === 'mark' && marks && !marks.text.includes('--restore-mark'));
    if (!marking?.rule) return [];
    const text = `packets get a mark before the queue rule, which then leaves them out (${marking.rule.text})`;
    return [problem(CHECK, text, 'let that rule leave packets to VIPs alone')];
  });
}
