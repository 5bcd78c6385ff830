import { fileURLToPath } from 'node:url';
import type { Running } from '../processes/running.js';
import type { LoadBalancer } from './load-balancer.js';

const PROGRAM = fileURLToPath(new URL('../../build/faults', import.meta.url));

/**
 * Injects a fault into a running load balancer; disposing of it ends the fault if possible.
 *
 * - `hold-worker` stops the thread of one of its queues and no other
 * - `unbind-queue` unbinds its (only) queue permanently: the kernel no longer passes it packets
 * - `fill-buffer` leaves the sockets of its queues no room, so that the kernel drops packets and reports ENOBUFS
 */
export async function inflict(fault: 'hold-worker' | 'unbind-queue' | 'fill-buffer', lb: LoadBalancer): Promise<Running> {
  const queue = fault === 'unbind-queue' ? [lb.queues] : [];
  const running = await lb.host.spawn([PROGRAM, fault, String(lb.process.pid), ...queue]);
  await running.waitForOutput(/^done$/m);
  return running;
}
