import { CAP_NET_ADMIN, hasCapability } from '../capabilities.js';
import type { Facts } from './facts.js';

/** How bad it is: `warning` for what is in the way of some uses, `problem` for what keeps packets from being load-balanced. */
export type Status = 'ok' | 'warning' | 'problem';

/** What a check has come to. */
export interface Finding {
  readonly status: Status;
  /** What was looked at, in a word or two. */
  readonly check: string;
  readonly text: string;
  /** What to do about it. Absent where nothing is to be done. */
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
 * For what could not be looked at: that is no evidence that all is well.
 *
 * @param remedy what root can do about it; others become root
 */
export function unknown(check: string, text: string, { capabilities }: Pick<Facts, 'capabilities'>, remedy = 'see programs'): Finding {
  return warning(check, `not known: ${text}`, hasCapability(capabilities, CAP_NET_ADMIN) ? remedy : AS_ROOT);
}

export function problem(check: string, text: string, remedy: string): Finding {
  return { status: 'problem', check, text, remedy };
}
