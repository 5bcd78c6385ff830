import type { FlowReport } from './flows.js';

/** Answers between two reports. */
export interface Answers {
  /** By target; index 0 is target 1. */
  readonly answered: readonly number[];
}

export function answersBetween(begin: FlowReport, end: FlowReport): Answers {
  return { answered: end.answered.map((count, i) => count - begin.answered[i]!) };
}

/** How many flows have moved to another target. */
export interface Moves {
  /** Flows that were at the given target. */
  readonly ofTarget: number;
  readonly ofOthers: number;
}

/** @param target a target's number */
export function movesBetween(begin: FlowReport, end: FlowReport, target: number): Moves {
  const moved = begin.targets.filter((before, flow) => before !== end.targets[flow]);
  const ofTarget = moved.filter((before) => before === target).length;
  return { ofTarget, ofOthers: moved.length - ofTarget };
}

const BAR_WIDTH = 12;

/** Each target's share of the answers, as one line: `three targets     1 █████ 34%  2 …`. */
export function formatShares(title: string, { answered }: Answers): string {
  const total = answered.reduce((sum, count) => sum + count, 0);
  const shares = answered.map((count, i) => {
    const share = total === 0 ? 0 : count / total;
    const bar = '█'.repeat(Math.round(share * BAR_WIDTH)).padEnd(BAR_WIDTH / 2);
    return `${i + 1} ${bar} ${String(Math.round(100 * share)).padStart(3)}%`;
  });
  return `${title.padEnd(16)} ${shares.join('  ')}`;
}
