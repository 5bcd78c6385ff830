import fc from 'fast-check';
import { expect, test } from 'vitest';
import { BLOCK_SIZES, blockOf, classOf, PortClasses } from './port-classes.js';
import type { PortRange } from './port-range.js';

const port = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 65535 }), fc.integer({ min: 65500, max: 65535 }));
const range = fc.tuple(port, port).map(([a, b]): PortRange => ({ first: Math.min(a, b), last: Math.max(a, b) }));

test('a port is in exactly one block of a range that contains it, and in none of other ranges', () => {
  fc.assert(
    fc.property(fc.array(range, { maxLength: 30 }), fc.array(fc.nat(65535)), (ranges, others) => {
      const classes = new PortClasses(ranges);
      const section = new Uint16Array(classes.build().buffer);
      const ports = [...others, 0, 1, 65535, ...ranges.flatMap(({ first, last }) => [first - 1, first, last, Math.min(last + 1, 65535)])];
      for (const one of ranges) {
        const blocks = classes.blocksOf(one);
        expect(blocks.length).toBeLessThanOrEqual(2 * BLOCK_SIZES);
        for (const at of ports) {
          const met = Array.from({ length: BLOCK_SIZES }, (_, size) => blockOf(classOf(section, at), size));
          const common = met.filter((block) => blocks.includes(block));
          expect([at, common.length]).toEqual([at, at >= one.first && at <= one.last ? 1 : 0]);
        }
      }
    }),
  );
});

test('if all ports are distinguished, there are 65536 classes', () => {
  const classes = new PortClasses(Array.from({ length: 65535 }, (_, i) => ({ first: i + 1, last: i + 1 })));
  const section = new Uint16Array(classes.build().buffer);
  for (const at of [0, 1, 255, 256, 65279, 65280, 65535]) expect(classOf(section, at)).toBe(at);
  expect(classes.blocksOf({ first: 1, last: 65535 })).toHaveLength(16);
});

test('flows with a few ports take less than 6000 octets', () => {
  const few = new PortClasses([80, 443, 8080].map((one) => ({ first: one, last: one })));
  expect(4 * few.build().length).toBeLessThan(6000);
});
