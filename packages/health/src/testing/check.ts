import { checkTarget, endpointsOf } from '../check/check-target.js';
import type { Outcome } from '../check/outcome.js';
import { completeHealth, type DeclaredHealth, type HealthSettings, tableHealthSchema } from '../settings/index.js';
import { SocketPoll } from '../socket/socket-poll.js';

/** Settings as from a configuration file. */
export function settingsOf(health: unknown): HealthSettings {
  const completed = completeHealth(tableHealthSchema.parse(health) as DeclaredHealth, undefined);
  if ('problems' in completed) throw new Error(JSON.stringify(completed.problems));
  return completed.settings!;
}

/** Checks an address once. @returns `passed`, or the reason without the address */
export async function check(health: unknown, address = '127.0.0.1', fwmark = 0): Promise<string> {
  const outcome = await checkOnce(health, [address], fwmark);
  return outcome.kind === 'passed' ? 'passed' : outcome.reason.replace(`${address}: `, '');
}

export async function checkOnce(health: unknown, addresses: readonly string[], fwmark = 0): Promise<Outcome> {
  const poll = new SocketPoll();
  try {
    const { signal } = new AbortController();
    return await checkTarget({ settings: settingsOf(health), fwmark, endpoints: endpointsOf(addresses), signal }, poll);
  } finally {
    poll.close();
  }
}
