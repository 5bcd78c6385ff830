import { type Delivery, nameOf } from '../delivery.js';

/** More packets than these would not fit on a screen. */
const SHOWN = 3;

/** The first of some packets, each with where it went, and why. */
export function explain(deliveries: readonly Delivery[]): string {
  const shown = deliveries.slice(0, SHOWN).flatMap((delivery) => {
    const { number, packet, target, before, loadBalancer, explanation } = delivery;
    const earlier = before ? `, the one before it ${before.name}` : '';
    return [`  packet ${number}, ${packet}: reached ${nameOf(target)}${earlier}`, `    load balancer ${loadBalancer}: ${explanation}`];
  });
  const more = deliveries.length - SHOWN;
  return [...shown, ...(more > 0 ? [`  and ${more} more`] : [])].join('\n');
}

/** Such as `1 packet` or `20 packets`. */
export function counted(count: number, what: string): string {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}

/** Such as `93.1%`. */
export function percent(share: number): string {
  return `${(share * 100).toFixed(1)}%`;
}
