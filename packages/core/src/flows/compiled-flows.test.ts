import fc from 'fast-check';
import { expect, test } from 'vitest';
import { extractKey } from '../key/extract.js';
import { PacketKey } from '../key/packet-key.js';
import { anyPacket, flowLists } from '../testing/flow-arbitraries.js';
import { naiveFlow } from '../testing/naive-flows.js';
import { runs } from '../testing/runs.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { compileFlows } from './compile-flows.js';
import { defineFlow } from './define-flow.js';
import { FlowLookup, NO_FLOW } from './flow-lookup.js';
import { FlowSet } from './flow-set.js';

const key = new PacketKey();

function compiledFlow(lookup: FlowLookup, octets: Uint8Array, before: number): string | undefined {
  const etherType = octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP;
  // In a region, followed by octets that do not belong to the packet.
  const region = new Uint8Array(before + octets.length + 40).fill(80);
  region.set(octets, before);
  let found = lookup.find(key, extractKey(key, region, before, octets.length, etherType, 0), region);
  const encapPort = found === NO_FLOW ? 0 : lookup.encapPortOf(found);
  if (encapPort !== 0) found = lookup.find(key, extractKey(key, region, before, octets.length, etherType, encapPort), region);
  return found === NO_FLOW ? undefined : lookup.nameOf(found);
}

test('any packet gets the same flow as in a naive walk, for any flows', () => {
  const matched = { some: 0, none: 0 };
  fc.assert(
    fc.property(
      flowLists,
      fc.array(anyPacket, { minLength: 10, maxLength: 10 }),
      fc.boolean(),
      fc.nat(3),
      (list, packets, ping, before) => {
        const set = new FlowSet(list.map((one) => defineFlow({ target: 'table', ...one })));
        const lookup = new FlowLookup(compileFlows(set, { promiscuousPing: ping }));
        for (const octets of packets) {
          const expected = naiveFlow(list, octets, octets[0]! >> 4 === 6, ping);
          matched[expected === undefined ? 'none' : 'some']++;
          expect(compiledFlow(lookup, octets, before)).toBe(expected);
        }
      },
    ),
    { numRuns: runs(2_500) },
  );
  // The generators must produce both often.
  expect(matched.some).toBeGreaterThan(5_000);
  expect(matched.none).toBeGreaterThan(2_500);
}, 30_000);
