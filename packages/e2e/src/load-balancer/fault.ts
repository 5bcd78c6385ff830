import { fileURLToPath } from 'node:url';
import type { Running } from '../processes/running.js';
import type { LoadBalancer } from './load-balancer.js';

const PROGRAM = fileURLToPath(new URL('../../build/faults', import.meta.url));

/**
 * Does something bad to a running load balancer; disposing of it ends what can be ended.
 *
 * - `hold-worker` stops the thread of one of its queues, and no other
 * - `unbind-queue`: the kernel hands it the packets of its (only) queue no more; that lasts
 */
export async function inflict(fault: 'hold-worker' | 'unbind-queue', lb: LoadBalancer): Promise<Running> {
  const queue = fault === 'unbind-queue' ? [lb.queues] : [];
  const running = await lb.host.spawn([PROGRAM, fault, String(lb.process.pid), ...queue]);
  await running.says(/^done$/m);
  return running;
}
