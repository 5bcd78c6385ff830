import type { Facts } from './facts.js';
import { type Finding, ok, problem, warning } from './finding.js';
import { type QueueRule, queueRules } from './queue-rules.js';

/** Whether packets are led to queues, and whether they are safe there. */
export function checkQueueRules(facts: Facts): Finding {
  const check = 'queue rules';
  const rules = queueRules(facts);
  if (rules.length === 0) {
    if (facts.savedRules[4] === undefined && facts.nftRules === undefined) {
      return warning(check, 'the packet rules cannot be read', 'run nfqlb doctor as root, with iptables or nft installed');
    }
    return warning(check, 'no rule leads packets to a queue', 'nfqlb up --vip=ADDRESS/BITS TARGET…');
  }
  const open = rules.find(({ bypass }) => bypass);
  if (open) {
    const text = `while nobody listens, packets pass without a fwmark and are delivered by chance (${open.text})`;
    return warning(check, text, 'take --queue-bypass out of the rule');
  }
  const queues = [...new Set(rules.map(nameOf))];
  return ok(check, `packets are led to ${queues.length === 1 ? 'queue' : 'queues'} ${queues.join(', ')}`);
}

/** Whether somebody listens to every queue that packets are led to. */
export function checkListeners(facts: Facts): Finding {
  const check = 'listeners';
  if (!facts.queues) return warning(check, 'not known: /proc/net/netfilter/nfnetlink_queue cannot be read', 'see kernel queue');
  const listened = new Set(facts.queues.map(({ queue }) => queue));
  const used = new Set(queueRules(facts).flatMap(numbersOf));
  const deserted = [...used].filter((queue) => !listened.has(queue));
  if (deserted.length > 0) {
    const many = deserted.length > 1;
    const text = `nobody listens to ${many ? 'queues' : 'queue'} ${deserted.join(', ')}: packets are dropped`;
    return problem(check, text, `nfqlb lb --queue=${many ? `${deserted[0]}:${deserted.at(-1)}` : deserted[0]}`);
  }
  const idle = [...listened].filter((queue) => !used.has(queue));
  if (idle.length > 0) {
    return warning(
      check,
      `no rule leads packets to queue ${idle.join(', ')}, to which a program listens`,
      'nfqlb up --queue=, or stop the program',
    );
  }
  return ok(check, listened.size === 0 ? 'none, and none is needed' : `every queue has one (${[...listened].join(', ')})`);
}

/** Whether the kernel dropped packets because a listener is too slow. */
export function checkDrops({ queues }: Facts): Finding {
  const check = 'queue drops';
  const full = (queues ?? []).filter(({ queueDropped, socketDropped }) => queueDropped + socketDropped > 0);
  if (full.length === 0) return ok(check, queues?.length ? 'none' : 'no queue');
  const texts = full.map(
    ({ queue, queueDropped, socketDropped, waiting }) =>
      `queue ${queue}: ${queueDropped} packets dropped because it was full, ${socketDropped} because the listener’s socket was; ${waiting} wait`,
  );
  return warning(check, texts.join('; '), 'nfqlb lb with a longer queue (--qlength=) or several (--queue=0:3 here and with up)');
}

function numbersOf({ first, last }: QueueRule): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

function nameOf({ first, last }: QueueRule): string {
  return first === last ? `${first}` : `${first}:${last}`;
}
