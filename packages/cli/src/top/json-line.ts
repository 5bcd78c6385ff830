import type { Figures } from './figures.js';

/** The figures for other programs, as an object. Numbers are per second, except `all`, `waiting`, `length`, `batch`, `busy`, `share`. */
export function figuresAsJson({ status, ...figures }: Figures, time: Date): object {
  const { command, pid, version, uptime, problems, degradations, health, fastPath } = status;
  const { trouble, vips, interfaces, memory, unfit } = fastPath ?? {};
  const fast = fastPath && { fastPath: { ...figures.fastPath, trouble, vips, interfaces, memory, unfit } };
  return {
    time: time.toISOString(),
    lb: status.queues[0]!.queue,
    command,
    pid,
    version,
    uptime,
    problems,
    degradations,
    health,
    ...figures,
    ...fast,
  };
}
