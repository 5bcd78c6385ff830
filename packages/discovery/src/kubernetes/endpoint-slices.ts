// What EndpointSlices say of a Service's endpoints (discovery.k8s.io/v1).

import { printable } from '@nfqlb/core/explanation';
import { type Entry, EntryProblem, orderedAddresses } from '../entry.js';
import type { Answer } from '../source.js';
import { shownText } from '../text.js';

/** As far as it matters here; it comes from a server, and may be anything. */
export interface EndpointSlice {
  readonly metadata?: { readonly name?: unknown; readonly resourceVersion?: unknown };
  readonly addressType?: unknown;
  readonly endpoints?: unknown;
}

interface Endpoint {
  readonly addresses?: readonly unknown[];
  readonly conditions?: { readonly ready?: unknown; readonly serving?: unknown; readonly terminating?: unknown };
  readonly targetRef?: { readonly kind?: unknown; readonly namespace?: unknown; readonly name?: unknown };
}

/** What is known of one endpoint, perhaps from several slices: one for each family. */
interface Found {
  readonly addresses: Set<string>;
  isUsed: boolean;
}

/** The targets of a Service: its endpoints that are ready, and those that still serve and are about to end: these drain. */
export function answerOf(slices: Iterable<EndpointSlice>): Answer {
  const found = new Map<string, Found>();
  const problems: string[] = [];
  for (const { metadata, addressType, endpoints } of slices) {
    if (addressType !== 'IPv4' && addressType !== 'IPv6') {
      problems.push(`EndpointSlice ${shownText(metadata?.name)}: addressType ${shownText(addressType)}: must be IPv4 or IPv6`);
      continue;
    }
    for (const endpoint of (Array.isArray(endpoints) ? endpoints : []) as readonly Endpoint[]) {
      const use = useOf(endpoint);
      const address = Array.isArray(endpoint?.addresses) ? endpoint.addresses[0] : undefined;
      if (use === 'none' || typeof address !== 'string') continue;
      const name = nameOf(endpoint, address);
      const entry = found.get(name) ?? { addresses: new Set(), isUsed: false };
      found.set(name, entry);
      // All addresses of an endpoint are equivalent: the first one is used.
      entry.addresses.add(address);
      // While an endpoint moves from one slice to another, both may have it, and one may be older.
      entry.isUsed ||= use === 'active';
    }
  }
  const entries = [...found].flatMap(([name, { addresses, isUsed }]): Entry[] => {
    try {
      return [{ name, addresses: orderedAddresses([...addresses]), weight: 1, drain: !isUsed }];
    } catch (error) {
      if (!(error instanceof EntryProblem)) throw error;
      problems.push(`${name}: ${error.message}`);
      return [];
    }
  });
  return { entries, problems };
}

/**
 * By the conditions. Absent ones are unknown, and mean: `ready` that it is, `serving` as `ready`, `terminating` that it is not ("should be interpreted
 * as" in the API's reference). With `publishNotReadyAddresses`, all are ready, also when they end.
 */
export function useOf(endpoint: Endpoint): 'active' | 'drain' | 'none' {
  const { ready, serving, terminating } = endpoint?.conditions ?? {};
  const isReady = ready !== false;
  const isServing = typeof serving === 'boolean' ? serving : isReady;
  if (terminating === true) return isServing ? 'drain' : 'none';
  return isReady ? 'active' : 'none';
}

/** The pod, which has an endpoint in the slice of each family. */
function nameOf({ targetRef }: Endpoint, address: string): string {
  const { kind, namespace, name } = targetRef ?? {};
  return printable(typeof name === 'string' ? `${textOr('Pod', kind)} ${textOr('', namespace)}/${name}` : address);
}

function textOr(otherwise: string, value: unknown): string {
  return typeof value === 'string' ? value : otherwise;
}
