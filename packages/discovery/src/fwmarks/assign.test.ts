import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { assignFwmarks } from './assign.js';

const v4 = fc.ipV4();
const near = fc.nat(1023).map((host) => `10.0.${host >> 8}.${host & 255}`);
const v6 = fc
  .array(fc.nat(0xffff), { minLength: 4, maxLength: 4 })
  .map((groups) => `2001:db8::${groups.map((n) => n.toString(16)).join(':')}`);
const address = fc
  .oneof(near, v4, v6)
  .map((text) => new URL(`http://${text.includes(':') ? `[${text}]` : text}`).hostname.replace(/[[\]]/g, ''));
const addresses = fc.uniqueArray(address, { maxLength: 60 });
const range = fc
  .tuple(fc.integer({ min: 1, max: 5000 }), fc.integer({ min: 60, max: 700 }))
  .map(([first, size]) => ({ first, last: first + size - 1 }));

/** Independent of the code: the address as one number, by BigInt. */
function home(text: string, { first, last }: { first: number; last: number }): number {
  const octets = text.includes(':') ? groupsOf(text).flatMap((group) => [group >> 8, group & 255]) : text.split('.').map(Number);
  const number = octets.reduce((sum, octet) => sum * 256n + BigInt(octet), 0n);
  return first + Number(number % BigInt(last - first + 1));
}

function groupsOf(text: string): number[] {
  const [head = '', tail] = text.split('::');
  const read = (part: string): number[] => (part === '' ? [] : part.split(':').map((group) => Number.parseInt(group, 16)));
  if (tail === undefined) return read(head);
  return [...read(head), ...Array<number>(8 - read(head).length - read(tail).length).fill(0), ...read(tail)];
}

describe('fwmarks', () => {
  test('are those of the range, one for each target, whatever the order', () => {
    fc.assert(
      fc.property(
        addresses.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
        range,
        ([all, shuffled], fwmarks) => {
          const assigned = assignFwmarks(all, fwmarks);
          expect(assigned.size).toBe(all.length);
          expect(new Set(assigned.values()).size).toBe(all.length);
          for (const fwmark of assigned.values()) expect(fwmark >= fwmarks.first && fwmark <= fwmarks.last).toBe(true);
          expect(new Map([...assignFwmarks(shuffled, fwmarks)].sort())).toEqual(new Map([...assigned].sort()));
        },
      ),
    );
  });

  test('never change in a network that is not larger than the range', () => {
    fc.assert(
      fc.property(fc.uniqueArray(near, { maxLength: 60 }), fc.integer({ min: 1, max: 9999 }), (all, first) => {
        const fwmarks = { first, last: first + 1023 };
        for (const [text, fwmark] of assignFwmarks(all, fwmarks)) expect(fwmark).toBe(home(text, fwmarks));
      }),
    );
  });

  test('a target that comes or goes moves at most one of the targets at home, and that one wants the same fwmark', () => {
    fc.assert(
      fc.property(
        addresses.filter((all) => all.length > 1),
        range,
        (all, fwmarks) => {
          const [one, ...rest] = all as [string, ...string[]];
          const [withIt, without] = [assignFwmarks(all, fwmarks), assignFwmarks(rest, fwmarks)];
          const isHome = (assigned: Map<string, number>, text: string): boolean => assigned.get(text) === home(text, fwmarks);
          // A place away from home may be the home of nobody, and so is not given up for a target that is at home.
          const moved = rest.filter((text) => withIt.get(text) !== without.get(text));
          const athome = moved
            .filter((text) => isHome(without, text) || isHome(withIt, text))
            .filter((text) => home(text, fwmarks) === home(one, fwmarks));
          const others = moved.filter((text) => !athome.includes(text));
          expect(athome.length).toBeLessThanOrEqual(1);
          // All others share their home with another target, and were not the first there.
          for (const text of others) expect(rest.filter((other) => home(other, fwmarks) === home(text, fwmarks)).length).toBeGreaterThan(1);
        },
      ),
    );
  });

  test('without collisions, a target that comes or goes moves none', () => {
    fc.assert(
      fc.property(
        addresses.filter((all) => all.length > 1),
        range,
        (all, fwmarks) => {
          const homes = all.map((text) => home(text, fwmarks));
          fc.pre(new Set(homes).size === homes.length);
          const before = assignFwmarks(all, fwmarks);
          for (const [text, fwmark] of assignFwmarks(all.slice(1), fwmarks)) expect(fwmark).toBe(before.get(text));
        },
      ),
    );
  });

  test('if there are too few, the same targets get none everywhere', () => {
    const all = Array.from({ length: 20 }, (_, i) => `10.0.${i}.1`);
    const fwmarks = { first: 100, last: 109 };
    const assigned = assignFwmarks(all, fwmarks);
    expect([...assigned.values()].sort()).toEqual([100, 101, 102, 103, 104, 105, 106, 107, 108, 109]);
    expect(new Set(assignFwmarks(all.toReversed(), fwmarks).keys())).toEqual(new Set(assigned.keys()));
  });

  test('of arbitrary addresses, few move: the figure in docs/discovery.md', () => {
    // 200 addresses that share nothing, in 1024 fwmarks: a load of 0.2.
    let random = 1;
    const next = (): number => {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
      return random >> 8;
    };
    const make = (): string => `2001:db8::${(next() & 0xffff).toString(16)}:${(next() & 0xffff).toString(16)}`;
    let all = [...new Set(Array.from({ length: 200 }, make))];
    const fwmarks = { first: 1000, last: 2023 };
    let [moved, before] = [0, assignFwmarks(all, fwmarks)];
    const changes = 400;
    for (let i = 0; i < changes; i++) {
      // By turns one goes and another comes.
      all = i % 2 === 0 ? all.slice(1) : [...all, make()];
      const after = assignFwmarks(all, fwmarks);
      moved += all.filter((text) => before.has(text) && before.get(text) !== after.get(text)).length;
      before = after;
    }
    expect(moved / changes).toBeGreaterThan(0.05);
    expect(moved / changes).toBeLessThan(0.3);
  });
});
