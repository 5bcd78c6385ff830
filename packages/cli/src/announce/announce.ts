import { UsageError } from '@nfqlb/options';
import { type AnnounceOrder, sendAnnounce } from '@nfqlb/protocol/announce';
import { type Announcement, askStatus, findLoadBalancers } from '@nfqlb/protocol/status';

/** For how long to wait for a status that was made after an order: one is reused for 0.1 s or more. */
const SHOWN_WITHIN_MS = 3000;

/** Gives an order, if there is one, and prints what is announced. */
export async function announce(order: AnnounceOrder | undefined, { queue, json }: { queue?: number; json?: true }): Promise<void> {
  const [first, before] = await announcingLoadBalancer(queue);
  let announcement = before;
  if (order !== undefined) {
    await sendAnnounce(first, order);
    const until = performance.now() + SHOWN_WITHIN_MS;
    while (announcement.drained !== (order === 'drain') && performance.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      announcement = (await askStatus(first)).announcement ?? announcement;
    }
  }
  process.stdout.write(json ? `${JSON.stringify(announcement)}\n` : describe(announcement));
}

/** The first queue of the one that `nfqlb run` started, or of the one that was named. */
async function announcingLoadBalancer(queue: number | undefined): Promise<[number, Announcement]> {
  const queues = queue === undefined ? findLoadBalancers() : [queue];
  const found: [number, Announcement][] = [];
  for (const first of queues) {
    const { announcement } = await askStatus(first);
    if (announcement) found.push([first, announcement]);
  }
  const [one, ...others] = found;
  if (!one) throw new UsageError('invalid-value', 'no load balancer here was started by nfqlb run: nothing is announced');
  if (others.length > 0) {
    const firsts = found.map(([first]) => first).join(', ');
    throw new UsageError('missing-value', `several load balancers run here: select one of ${firsts} with --queue`);
  }
  return one;
}

function describe({ vips }: Announcement): string {
  if (vips.length === 0) return 'no VIP is to be announced: no table of the file has announce: true\n';
  return vips.map(({ vip, announced, why }) => `${vip} ${announced ? 'announced' : `withdrawn: ${why}`}\n`).join('');
}
