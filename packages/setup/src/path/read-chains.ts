import { hasCapability, readPrivileges } from '@nfqlb/native';
import { iptables } from '../present.js';
import type { Family } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import { runProgram } from '../step.js';
import { type Chains, parseChains } from './saved-chains.js';

/** The packet rules of a family in this network namespace, or why they cannot be read. */
export type ReadChains = { readonly tables: ReadonlyMap<string, Chains> } | { readonly unreadable: string };

export function readChains(family: Family): ReadChains {
  // Without it, iptables-save prints nothing and reports no error.
  if (!hasCapability(readPrivileges().effective, 'CAP_NET_ADMIN')) return { unreadable: 'needs root, or CAP_NET_ADMIN' };
  try {
    return { tables: parseChains(runProgram([`${iptables(family)}-save`])) };
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return { unreadable: error.message };
  }
}
