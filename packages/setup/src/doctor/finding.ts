import { hasCapability } from '@nfqlb/native';
import type { Facts } from './facts.js';

/** Severity: a `warning` affects some uses, a `problem` keeps packets from being load-balanced. */
export type Status = 'ok' | 'warning' | 'problem';

/** The result of a check. */
export interface Finding {
  readonly status: Status;
  /** What was checked, in a word or two. */
  readonly check: string;
  readonly text: string;
  /** How to fix it. Absent if there is nothing to do. */
  readonly remedy?: string;
}

export function ok(check: string, text: string): Finding {
  return { status: 'ok', check, text };
}

export function warning(check: string, text: string, remedy: string): Finding {
  return { status: 'warning', check, text, remedy };
}

const AS_ROOT = 'run nfqlb doctor as root';

/**
 * For something that could not be checked, which does not mean that it is ok.
 *
 * @param remedy what root can do about it; other users are told to become root
 */
export function unknown(check: string, text: string, { capabilities }: Pick<Facts, 'capabilities'>, remedy = 'see programs'): Finding {
  return warning(check, `not known: ${text}`, hasCapability(capabilities, 'CAP_NET_ADMIN') ? remedy : AS_ROOT);
}

export function problem(check: string, text: string, remedy: string): Finding {
  return { status: 'problem', check, text, remedy };
}
