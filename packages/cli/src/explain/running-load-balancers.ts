import { readKernelQueues } from '@nfqlb/native';
import { askAllStatuses, type DecisionOptions, type FastPathStatus } from '@nfqlb/protocol/status';

/** A load balancer of this network namespace. */
export interface RunningLoadBalancer {
  /** The first of its queues. */
  readonly queue: number;
  readonly queues: readonly number[];
  /** `lb` or `flowlb`. */
  readonly command: string;
  readonly pid: number;
  readonly options: DecisionOptions;
  readonly fastPath: FastPathStatus | undefined;
}

/** The load balancers of this network namespace that report their options. */
export async function runningLoadBalancers(): Promise<RunningLoadBalancer[]> {
  return (await askAllStatuses()).flatMap((status) => {
    if (status.options === undefined || status.queues[0] === undefined) return [];
    const queues = status.queues.map(({ queue }) => queue);
    return [{ queue: queues[0]!, queues, command: status.command, pid: status.pid, options: status.options, fastPath: status.fastPath }];
  });
}

/** Whether any program listens to a queue; `undefined` if that cannot be read. */
export function hasListener(queue: number): boolean | undefined {
  try {
    return readKernelQueues().some((each) => each.queue === queue);
  } catch {
    return undefined;
  }
}
