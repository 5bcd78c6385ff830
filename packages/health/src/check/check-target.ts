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
  /** Its own addresses, or the VIPs. */
  readonly endpoints: readonly Endpoint[];
  /** Aborted when the result does not matter any more. */
  readonly signal: AbortSignal;
}

/** An address as text, and as in a packet: 4 or 16 octets, in network order. */
export interface Endpoint {
  readonly name: string;
  readonly address: Uint8Array;
}

export function endpointsOf(names: readonly string[]): Endpoint[] {
  return names.map((name) => {
    const octets = parseIpAddress(name)!;
    return { name, address: isIPv4(name) ? octets.subarray(12) : octets };
  });
}

/** Checks all addresses at the same time. Passes if each does; a failure of one is a failure. Never throws, except for bugs. */
export async function checkTarget(request: CheckRequest, poll: SocketPoll): Promise<Outcome> {
  const { settings, endpoints } = request;
  const [first, ...others] = endpoints;
  if (first === undefined) return { kind: 'impossible', reason: `no ${settings.to === 'vip' ? 'VIP' : 'address'} to check` };
  if (others.length === 0) return checkEndpoint(request, first, poll);
  const outcomes = await Promise.all(endpoints.map((endpoint) => checkEndpoint(request, endpoint, poll)));
  const ofKind = (kind: Outcome['kind']): Outcome | undefined => outcomes.find((outcome) => outcome.kind === kind);
  return ofKind('failed') ?? ofKind('impossible') ?? PASSED;
}

async function checkEndpoint({ settings, fwmark, signal }: CheckRequest, { name, address }: Endpoint, poll: SocketPoll): Promise<Outcome> {
  const { timeout } = settings;
  const mark = settings.to === 'vip' ? fwmark : 0;
  const deadline = performance.now() + timeout * 1000;
  try {
    await checkBy(settings, { name, address, mark, timeout, deadline, signal }, fwmark, poll);
    return PASSED;
  } catch (error) {
    // Nobody looks at it.
    if (error instanceof CheckAborted) return { kind: 'impossible', reason: 'ended' };
    const outcome = outcomeOf(error);
    return outcome.kind === 'passed' ? outcome : { ...outcome, reason: `${name}: ${outcome.reason}` };
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
