// One truth: the program in the kernel and core decide the same packets, and the kernel gives each the mark that core gives it, or leaves it to the queue.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openCapture } from '@nfqlb/captures/file';
import { Balancer, DROP, END, ETH_P_IP, ETH_P_IPV6, FlowBalancer, FwmarkLookup, type HashKey, KIND_NAMES, Kind } from '@nfqlb/core';
import { parseCidr } from '@nfqlb/core/address';
import { compileFlows as compileForCore, defineFlow, FlowLookup, FlowSet } from '@nfqlb/core/flows';
import { anyPacket, flowLists, type NaiveFlow, runs } from '@nfqlb/core/testing';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { compileFlows, compileTable } from './decision/index.js';
import { describeKernel } from './testing/describe-kernel.js';
import { Kernel } from './testing/kernel.js';
import { tableOf } from './testing/table.js';

const ALL = ['0.0.0.0/0', '::/0'].map((text) => parseCidr(text)!);

/** Packets that the program decides: unfragmented, with headers that it reads. */
const WHOLE: readonly Kind[] = [Kind.Normal, Kind.Icmp, Kind.AddressesOnly];

const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, i) => first + i);
const TABLE = tableOf(from(1000, 200), 10_007);
const HASH_KEY: HashKey = [0x01234567, 0x89abcdef | 0];

const etherTypeOf = (octets: Uint8Array): number => (octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);

describeKernel('the program in the kernel decides as core does:', () => {
  interface Vector {
    readonly i: number;
    readonly name: string;
    readonly hex: string;
    readonly ethertype: 'ipv4' | 'ipv6';
    readonly udpencap: number;
  }

  test.each([
    [0, 'djb2', undefined],
    [1, 'djb2', undefined],
    [0, 'with a key', HASH_KEY],
    [1, 'with a key', HASH_KEY],
  ] as const)('the golden vectors, hash mode %d, %s', (hashMode, _hash, hashKey) => {
    const table = tableOf(from(1000, 200), 10_007, hashKey);
    const vectors = ['packets', 'packets-mixed'].flatMap((name) => {
      const file = new URL(`../../core/test-data/vectors/${name}.json`, import.meta.url);
      return JSON.parse(readFileSync(file, 'utf8')) as Vector[];
    });
    const kernels = new Map<number, Kernel>();
    const kinds = new Map<string, number>();
    try {
      for (const { i, name, hex, ethertype, udpencap } of vectors) {
        if (!kernels.has(udpencap)) {
          kernels.set(udpencap, new Kernel(compileTable(ALL), [new FwmarkLookup(table)], { hashMode, udpEncapPort: udpencap }));
        }
        const octets = Buffer.from(hex, 'hex');
        const etherType = ethertype === 'ipv4' ? ETH_P_IP : ETH_P_IPV6;
        const balancer = new Balancer(new FwmarkLookup(table), { hashMode, udpEncapPort: udpencap });
        const expected = balancer.decide(octets, 0, octets.length, etherType);
        const { mark, reason } = kernels.get(udpencap)!.decide(octets, { etherType });
        const kind = KIND_NAMES[balancer.kind]!;
        const outcome = mark === 0 ? 'queue' : mark === expected ? 'same' : `${mark} instead of ${expected}`;
        expect([i, name, outcome]).toEqual([i, name, mark === 0 ? 'queue' : 'same']);
        kinds.set(`${kind}: ${reason}`, (kinds.get(`${kind}: ${reason}`) ?? 0) + 1);
      }
    } finally {
      for (const kernel of kernels.values()) kernel.close();
    }
    expect(Object.fromEntries([...kinds].sort())).toMatchSnapshot();
  });

  test.each([
    // Nothing but fragments.
    ['udp-ipv4.pcap', 0],
    ['udp-ipv6.pcap', 0],
    ['telnet-ipv4.pcap', 1],
    // With four ICMP errors.
    ['web-and-dns.pcapng', 515 / 519],
  ])('the capture %s', async (name, share) => {
    const capture = await openCapture(fileURLToPath(new URL(`../../captures/test-data/${name}`, import.meta.url)));
    const kernel = new Kernel(compileTable(ALL), [new FwmarkLookup(TABLE)]);
    const balancer = new Balancer(new FwmarkLookup(TABLE));
    let decided = 0;
    let all = 0;
    try {
      const { offset, length, etherType } = capture.batch;
      for (let count = await capture.receive(); count !== END; count = await capture.receive()) {
        for (let i = 0; i < count; i++) {
          const octets = capture.batch.bytes.slice(offset[i], offset[i]! + length[i]!);
          const expected = balancer.decide(octets, 0, octets.length, etherType[i]!);
          const { mark } = kernel.decide(octets, { etherType: etherType[i]! });
          expect(mark).toBe(WHOLE.includes(balancer.kind) ? expected : 0);
          if (mark !== 0) decided++;
          all++;
        }
      }
    } finally {
      kernel.close();
      capture.close();
    }
    expect(all).toBeGreaterThan(10);
    expect(decided / all).toBe(share);
  });

  test('any packet, one table, with and without fwmarks for no target', () => {
    const tables = [tableOf(from(7, 50)), tableOf([]), tableOf([3], 3), tableOf(from(7, 50), 997, HASH_KEY)];
    for (const table of tables) {
      for (const options of [{}, { noTargetsFwmark: 99 }, { noTargetsFwmark: 0, udpEncapPort: 9899, hashMode: 0 as const }]) {
        const kernel = new Kernel(compileTable(ALL), [new FwmarkLookup(table)], options);
        const balancer = new Balancer(new FwmarkLookup(table), options);
        try {
          fc.assert(
            fc.property(anyPacket, (octets) => {
              const expected = balancer.decide(octets, 0, octets.length, etherTypeOf(octets));
              const { mark } = kernel.decide(octets);
              expect(mark).toBe(WHOLE.includes(balancer.kind) && expected !== DROP ? expected : 0);
            }),
            { numRuns: runs(300) },
          );
        } finally {
          kernel.close();
        }
      }
    }
  });

  test('any packet, any flows, each with its table; counts of flows and targets are the same', () => {
    const seen = { same: 0, queue: 0, without: 0 };
    fc.assert(
      fc.property(
        flowLists,
        fc.array(anyPacket, { minLength: 60, maxLength: 60 }),
        fc.boolean(),
        fc.constantFrom({}, { noFlowFwmark: 5, noTargetsFwmark: 6 }),
        (list, packets, promiscuousPing, options) => {
          const set = new FlowSet(
            list.map((flow) => defineFlow({ target: `for-${flow.name}`, ...flow } as NaiveFlow & { target: string })),
          );
          const decision = compileFlows(set, { vips: ALL, promiscuousPing });
          const lookup = new FlowLookup(compileForCore(set, { promiscuousPing }));
          expect(decision.targets).toEqual(lookup.targetNames);
          // One table is missing, one has no targets.
          const tables = decision.targets.map((_, i) =>
            i % 7 === 6 ? undefined : tableOf(i % 7 === 5 ? [] : from(100 * (i + 1), 20), 997, i % 2 === 1 ? HASH_KEY : undefined),
          );
          const lookups = (): (FwmarkLookup | undefined)[] => tables.map((table) => table && new FwmarkLookup(table));
          const matches = new Float64Array(lookup.count);
          const octetsOf = new Float64Array(lookup.count);
          const balancer = new FlowBalancer({ lookup, tables: lookups(), matches, octets: octetsOf }, options);
          const kernel = new Kernel(decision, lookups(), options);
          const counted = new Map<string, { packets: number; octets: number }>();
          const targets = new Map<number, number>();
          try {
            for (const octets of packets) {
              const before = { matches: matches.slice(), octets: octetsOf.slice() };
              const expected = balancer.decide(octets, 0, octets.length, etherTypeOf(octets));
              const { mark, reason } = kernel.decide(octets);
              if (mark !== 0) expect([mark, reason]).toEqual([expected, reason]);
              const allowed = ['byte-match', 'sctp-in-udp', 'ping', 'no-target-drop', 'no-flow-drop', 'malformed'];
              if (mark === 0 && WHOLE.includes(balancer.kind)) expect(allowed).toContain(reason);
              if (mark === 0 && reason.endsWith('-drop')) expect(expected).toBe(DROP);
              seen[mark === 0 ? 'queue' : reason === 'balanced' ? 'same' : 'without']++;
              if (mark === 0) continue;
              targets.set(mark, (targets.get(mark) ?? 0) + 1);
              const flow = matches.findIndex((count, i) => count !== before.matches[i]);
              if (flow < 0) continue;
              const count = counted.get(lookup.nameOf(flow)) ?? { packets: 0, octets: 0 };
              count.packets++;
              count.octets += octetsOf[flow]! - before.octets[flow]!;
              counted.set(lookup.nameOf(flow), count);
            }
            expect(new Map(kernel.generation.flows())).toEqual(counted);
            const byTarget = kernel.generation.targets().filter(([, { packets: count }]) => count > 0);
            expect(new Map(byTarget.map(([fwmark, { packets: count }]) => [fwmark, count]))).toEqual(targets);
          } finally {
            kernel.close();
          }
        },
      ),
      { numRuns: runs(40) },
    );
    expect(Math.min(seen.same, seen.queue, seen.without)).toBeGreaterThan(50);
  }, 120_000);
});
