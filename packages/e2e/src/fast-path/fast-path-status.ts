import type { LoadBalancer } from '../load-balancer/load-balancer.js';

/** What `nfqlb top --json` shows of the fast path. */
export interface FastPath {
  /** Packets so far: decided in the kernel, and left to the queue. */
  readonly kernel: number;
  readonly queue: number;
  readonly reasons: Readonly<Record<string, number>>;
  readonly trouble?: string;
  readonly vips: readonly string[];
  readonly interfaces: readonly { readonly name: string; readonly state: string; readonly by?: string; readonly problem?: string }[];
}

/** Asks a running load balancer. */
export async function fastPathOf(lb: LoadBalancer): Promise<FastPath> {
  const { kernel, queue, reasons, ...rest } = JSON.parse(await lb.run('top', '--json', '--count=1', '--interval=0.2')).fastPath;
  const counted = reasons as readonly { readonly reason: string; readonly all: number }[];
  return { ...rest, kernel: kernel.all, queue: queue.all, reasons: Object.fromEntries(counted.map(({ reason, all }) => [reason, all])) };
}
