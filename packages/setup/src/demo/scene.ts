import type { FlowReport } from './flows.js';

/** What happened between two reports. */
export interface Scene {
  /** Answers, by target number less 1. */
  readonly answered: readonly number[];
}

export function sceneBetween(begin: FlowReport, end: FlowReport): Scene {
  return { answered: end.answered.map((count, i) => count - begin.answered[i]!) };
}

/** How many flows that were at a target are at another one now. */
export interface Moves {
  /** Of the flows of the target that is asked about. */
  readonly ofTarget: number;
  readonly ofOthers: number;
}

/** @param target number of the target that is asked about */
export function movesBetween(begin: FlowReport, end: FlowReport, target: number): Moves {
  const moved = begin.targets.filter((before, flow) => before !== end.targets[flow]);
  const ofTarget = moved.filter((before) => before === target).length;
  return { ofTarget, ofOthers: moved.length - ofTarget };
}

const BAR_WIDTH = 12;

/** `three targets     1 █████ 34%  2 …`: the share of each target, for a line of the terminal. */
export function formatScene(title: string, { answered }: Scene): string {
  const total = answered.reduce((sum, count) => sum + count, 0);
  const shares = answered.map((count, i) => {
    const share = total === 0 ? 0 : count / total;
    const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH / 2);
    return `${i + 1} ${bar} ${String(Math.round(100 * share)).padStart(3)}%`;
  });
  return `${title.padEnd(16)} ${shares.join('  ')}`;
}
