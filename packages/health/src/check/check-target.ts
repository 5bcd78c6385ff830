import { isIPv4 } from 'node:net';
import { parseIpAddress } from '@nfqlb/core/address';
import type { CheckKind, HealthSettings } from '../settings/health-settings.js';
import { CheckAborted, type Destination } from '../socket/check-socket.js';
import type { SocketPoll } from '../socket/socket-poll.js';
import { checkExec } from './exec.js';
import { checkHttp } from './http.js';
import { checkHttps } from './https.js';
import { checkIcmp } from './icmp.js';
import { type Outcome, outcomeOf, PASSED } from './outcome.js';
import { checkSctp } from './sctp.js';
import { checkTcp } from './tcp.js';
import { checkUdp } from './udp.js';

/** One check of a target. */
export interface CheckRequest {
  readonly settings: HealthSettings;
  readonly fwmark: number;
  /** Its own, or the VIPs. */
  readonly addresses: readonly string[];
  /** Aborted when the result does not matter any more. */
  readonly signal: AbortSignal;
}

/** Checks all addresses at the same time. Passes if each does; a failure of one is a failure. Never throws, except for bugs. */
export async function checkTarget(request: CheckRequest, poll: SocketPoll): Promise<Outcome> {
  const { settings, fwmark, addresses, signal } = request;
  if (addresses.length === 0) return { kind: 'impossible', reason: `no ${settings.to === 'vip' ? 'VIP' : 'address'} to check` };
  const outcomes = await Promise.all(
    addresses.map(async (name): Promise<Outcome> => {
      const octets = parseIpAddress(name)!;
      const to: Destination = {
        name,
        address: isIPv4(name) ? octets.subarray(12) : octets,
        mark: settings.to === 'vip' ? fwmark : 0,
        timeout: settings.timeout,
        deadline: performance.now() + settings.timeout * 1000,
        signal,
      };
      const outcome = await checkOne(settings, to, fwmark, poll);
      return outcome.kind === 'passed' ? outcome : { ...outcome, reason: `${name}: ${outcome.reason}` };
    }),
  );
  const ofKind = (kind: Outcome['kind']): Outcome | undefined => outcomes.find((outcome) => outcome.kind === kind);
  return ofKind('failed') ?? ofKind('impossible') ?? PASSED;
}

async function checkOne(check: CheckKind, to: Destination, fwmark: number, poll: SocketPoll): Promise<Outcome> {
  try {
    await checkBy(check, to, fwmark, poll);
    return PASSED;
  } catch (error) {
    // Nobody looks at it.
    if (error instanceof CheckAborted) return { kind: 'impossible', reason: 'ended' };
    return outcomeOf(error);
  }
}

function checkBy(check: CheckKind, to: Destination, fwmark: number, poll: SocketPoll): Promise<void> {
  switch (check.type) {
    case 'tcp':
      return checkTcp(check, to, poll);
    case 'http':
      return checkHttp(check, to, poll);
    case 'https':
      return checkHttps(check, to, poll);
    case 'udp':
      return checkUdp(check, to, poll);
    case 'icmp':
      return checkIcmp(to, poll);
    case 'sctp':
      return checkSctp(check, to, poll);
    case 'exec':
      return checkExec(check, to, fwmark);
  }
}
