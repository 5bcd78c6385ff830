import { expect, test } from 'vitest';
import type { Figures } from './measurement.js';
import { median, rows, table } from './report.js';

const latency = { p50: 10, p90: 20, p99: 30, p999: 40, longest: 50 };

/** The figures of a round. */
function figures(delivered: number, perPacket: number, lost = 0): Figures {
  const cost = { burst: 1, perPacket, perPacketSampled: perPacket - 1, lost };
  return { delivered, offered: 2 * delivered, costs: [cost], latency, latencyLost: 0, bulk: 10_000 * delivered };
}

test.each([
  [[3, 1, 2], 2],
  [[4, 1, 3, 2], 2.5],
  [[7], 7],
])('the median of %j is %d', (values, expected) => expect(median(values)).toBe(expected));

test('ratios and differences are computed per round, not from the medians', () => {
  // The machine's speed halves in the second round and again in the third.
  const results = new Map([
    ['forward', [figures(400_000, 6), figures(200_000, 12), figures(100_000, 24)]],
    ['nfqlb', [figures(200_000, 14), figures(100_000, 20, 5), figures(25_000, 50)]],
  ]);
  const [forward, nfqlb] = rows(results, 4);
  expect(forward).toMatchObject({ deliveredTo: { forward: 1, nfqlb: 2 }, costs: [{ aboveForward: 0 }], lost: 0 });
  expect(nfqlb).toMatchObject({
    delivered: 100_000,
    deliveredRange: [25_000, 200_000],
    deliveredTo: { forward: 0.5, nfqlb: 1 },
    costs: [{ burst: 1, perPacket: 20, perPacketSampled: 19, aboveForward: 8 }],
    latency,
    lost: 5,
    bulkToForward: 0.5,
  });
});

test('the table has one line per contender', () => {
  const results = new Map([
    ['forward', [figures(400_000, 6)]],
    ['c', [figures(100_000, 16)]],
  ]);
  expect(table(rows(results, 4))).toMatchInlineSnapshot(`
    "contender  IPv  kpps  (range)  × forward   × c  CPU µs, burst 1  − forward  p50 µs  p90  p99  p99.9  lost  TCP Gbit/s  × forward
    forward    4     400  400–400       1.00  4.00              6.0        0.0      10   20   30     40     0         4.0       1.00
    c          4     100  100–100       0.25  1.00             16.0       10.0      10   20   30     40     0         1.0       0.25"
  `);
});
