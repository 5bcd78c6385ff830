import { hasCapability, KERNEL_QUEUES } from '@nfqlb/native';
import { formatQueues } from '../options.js';
import type { Facts } from './facts.js';
import { type Finding, ok, problem, unknown, warning } from './finding.js';
import { anyRulesAreReadable, type QueueRule, queueRules } from './queue-rules.js';
import { findShadows } from './shadow-check.js';

/** Whether packets reach queues, and cannot bypass them. */
export function checkQueueRules(facts: Facts): Finding {
  const check = 'queue rules';
  const rules = queueRules(facts);
  if (rules.length === 0) {
    if (!anyRulesAreReadable(facts)) return unknown(check, 'the packet rules cannot be read', facts);
    return warning(check, 'no rule leads packets to a queue', 'nfqlb up --vip=ADDRESS/BITS TARGET…');
  }
  const shadows = findShadows(facts);
  const [shadow] = ['all', 'marked', 'some'].flatMap((packets) => shadows.filter((each) => each.packets === packets));
  const remedy = 'remove that rule, or put it behind the one that leads to the queue';
  if (shadow?.packets === 'all') return problem(check, `packets to ${shadow.vip} do not reach the queue (${shadow.rule})`, remedy);
  if (shadow?.packets === 'marked') {
    return problem(check, `packets to ${shadow.vip} that already have a mark do not reach the queue (${shadow.rule})`, remedy);
  }
  if (shadow) return warning(check, `some packets to ${shadow.vip} do not reach the queue (${shadow.rule})`, remedy);
  const open = rules.find(({ bypass }) => bypass);
  if (open) {
    const text = `while nobody listens, packets pass without a fwmark and are delivered by chance (${open.text})`;
    return warning(check, text, 'take --queue-bypass out of the rule');
  }
  const leadTo = (what: string, some: readonly QueueRule[]): string[] => {
    const queues = [...new Set(some.map(formatQueues))];
    return queues.length > 0 ? [`${what} are led to ${queues.length === 1 ? 'queue' : 'queues'} ${queues.join(', ')}`] : [];
  };
  const fragments = rules.filter((rule) => rule.fragments);
  const others = rules.filter((rule) => !rule.fragments);
  return ok(check, [...leadTo('packets', others), ...leadTo('fragments', fragments)].join(', '));
}

/** Whether every queue that packets are sent to has a listener. */
export function checkListeners(facts: Facts): Finding {
  const check = 'listeners';
  if (!facts.queues) return unknown(check, `${KERNEL_QUEUES} cannot be read`, facts, 'see kernel queue');
  if (!anyRulesAreReadable(facts)) return unknown(check, 'the packet rules cannot be read', facts);
  const listened = new Set(facts.queues.map(({ queue }) => queue));
  const rules = queueRules(facts);
  const used = new Set(rules.flatMap(numbersOf));
  const ordinary = new Set(rules.filter(({ fragments }) => !fragments).flatMap(numbersOf));
  const unserved = [...used].filter((queue) => !listened.has(queue)).sort((a, b) => a - b);
  if (unserved.length > 0) {
    const queues = `${unserved.length > 1 ? 'queues' : 'queue'} ${unserved.join(', ')}`;
    // The load balancer that has the other queues must have this one, too.
    if (unserved.every((queue) => !ordinary.has(queue))) {
      return problem(check, `nobody listens to ${queues}: fragments are dropped`, listenTo([...used]));
    }
    return problem(check, `nobody listens to ${queues}: packets are dropped`, listenTo(unserved));
  }
  const idle = [...listened].filter((queue) => !used.has(queue));
  const unfed = facts.loadBalancers.find(({ queue, status }) => (status?.queues ?? [{ queue }]).every((each) => idle.includes(each.queue)));
  if (unfed) {
    const text = `no rule leads packets to the load balancer of queue ${unfed.queue} (${unfed.status?.command ?? 'it does not answer'})`;
    return problem(check, text, `nfqlb up --queue=${unfed.queue} --vip=ADDRESS/BITS TARGET…`);
  }
  if (idle.length > 0) {
    return warning(
      check,
      `no rule leads packets to queue ${idle.join(', ')}, to which a program listens`,
      'nfqlb up --queue=, or stop the program',
    );
  }
  return ok(check, listened.size === 0 ? 'none, and none is needed' : `every queue has one (${[...listened].join(', ')})`);
}

/** How long drops count as a problem, in seconds: people start debugging within minutes. */
const RECENT_S = 60;

/** Whether the kernel dropped packets because a listener is too slow: a problem while it does, and shortly after. */
export function checkDrops(facts: Facts): Finding {
  const check = 'queue drops';
  const { queues } = facts;
  if (!queues && !hasCapability(facts.capabilities, 'CAP_NET_ADMIN')) return unknown(check, `${KERNEL_QUEUES} cannot be read`, facts);
  const full = (queues ?? []).filter(({ queueDropped, socketDropped }) => queueDropped + socketDropped > 0);
  if (full.length === 0) return ok(check, queues?.length ? 'none' : 'no queue');
  const sinceDrop = new Map(facts.loadBalancers.flatMap(({ status }) => status?.queues ?? []).map((each) => [each.queue, each.sinceDrop]));
  const isRecent = (queue: number): boolean =>
    facts.drops.queues.has(queue) || (sinceDrop.get(queue) ?? Number.POSITIVE_INFINITY) <= RECENT_S;
  const texts = full.map(({ queue, queueDropped, socketDropped, waiting }) => {
    const dropped = `${queueDropped} packets dropped because it was full, ${socketDropped} because the listener’s socket was; ${waiting} wait`;
    const seconds = sinceDrop.get(queue);
    const now = facts.drops.queues.has(queue) ? '; it goes on' : '';
    return `queue ${queue}: ${dropped}${now || (seconds === undefined ? '' : `; the last ${Math.round(seconds)} s ago`)}`;
  });
  const judge = full.some(({ queue }) => isRecent(queue)) ? problem : warning;
  return judge(check, texts.join('; '), 'nfqlb lb with a longer queue (--qlength=) or several (--queue=0:3 here and with up)');
}

/** One load balancer for each range of consecutive queues. */
function listenTo(queues: readonly number[]): string {
  const ranges: { first: number; last: number }[] = [];
  for (const queue of [...queues].sort((a, b) => a - b)) {
    const range = ranges.at(-1);
    if (range?.last === queue - 1) range.last = queue;
    else ranges.push({ first: queue, last: queue });
  }
  return ranges.map((range) => `nfqlb lb --queue=${formatQueues(range)}`).join('; ');
}

function numbersOf({ first, last }: QueueRule): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}
