import { readKernelQueues } from '@nfqlb/native';
import { askStatus, type DecisionOptions, type FastPathStatus, findLoadBalancers, type Status, StatusError } from '@nfqlb/protocol/status';

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
  const answers = await Promise.all(findLoadBalancers().map(statusOf));
  return answers.flatMap((status) => {
    if (status?.options === undefined || status.queues[0] === undefined) return [];
    const queues = status.queues.map(({ queue }) => queue);
    return [{ queue: queues[0]!, queues, command: status.command, pid: status.pid, options: status.options, fastPath: status.fastPath }];
  });
}

/** `undefined` for one that does not answer, or not to this user. */
async function statusOf(queue: number): Promise<Status | undefined> {
  try {
    return await askStatus(queue);
  } catch (error) {
    if (error instanceof StatusError) return undefined;
    throw error;
  }
}

/** Whether any program listens to a queue; `undefined` if that cannot be read. */
export function hasListener(queue: number): boolean | undefined {
  try {
    return readKernelQueues().some((each) => each.queue === queue);
  } catch {
    return undefined;
  }
}
