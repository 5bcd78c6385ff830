// Any two statuses, as any program of the network namespace could send them: refused, or a screen that fits and obeys nobody, lines and JSON.

import { changedJson, type FuzzTarget, isTrue, type JsonValue } from '@nfqlb/core/testing';
import { faultIn, type Status } from '@nfqlb/protocol/status';
import { figuresOf } from './figures.js';
import { figuresAsJson } from './json-line.js';
import { plainLines } from './plain-lines.js';
import { drawScreen } from './screen.js';

const histogram = { buckets: [1, 2], sum: 3 };
const counts = {
  ...{ packets: 10, batches: 5, accepted: [5], dropped: [0, 5], acceptedOctets: [500], droppedOctets: [0, 500] },
  ...{ reinjected: 0, notReinjected: 0, verdictErrors: 0, turns: 9, batchSizes: histogram, turnTimes: histogram },
};
const queue = { queue: 2, length: 1024, bound: true, waiting: 3, queueDropped: 0, socketDropped: 0, sinceDrop: 3, stalled: 0, counts };
const text = JSON.stringify({
  ...{
    format: 1,
    version: 'nfqlb-1.2.3',
    command: 'flowlb',
    pid: 77,
    uptime: 100,
    problems: ['a'],
    queues: [queue, { ...queue, queue: 3 }],
  },
  targets: [{ packets: 1, octets: 2, fwmark: 101, active: true }],
  otherTargets: { packets: 0, octets: 0 },
  flows: [{ name: 'web', target: 'table', packets: 10, octets: 1000 }],
  degradations: [{ subject: 'a', problems: ['b'], seconds: 1 }],
  keepsSetUp: true,
  health: [
    {
      name: 't',
      panic: false,
      targets: [{ fwmark: 1, state: 'up', reason: '', used: true, since: 1, checks: { passed: 1, failed: 0, downs: 0 } }],
    },
  ],
  fastPath: {
    ...{ trouble: 'a', vips: ['10.0.0.1/32'], interfaces: [{ name: 'eth0', state: 'failed', by: 'tcx', problem: 'p' }], memory: 7 },
    ...{ reasons: [{ packets: 1, octets: 2 }], unfit: [{ name: 'a', why: 'b' }] },
  },
  tables: [{ name: 't', present: true, buckets: 997, targets: 1, changes: 3, inTransition: 4, draining: [101] }],
  connections: { remembered: 1, begun: 0, learned: 1, refused: 0 },
  fragments: { active: 4, lookups: 100, fragsMax: 100 },
});

const target: FuzzTarget = {
  run(input) {
    let value = JSON.parse(text) as JsonValue;
    for (const edits = input.list(4, () => 0); edits.length > 0; edits.pop()) value = changedJson(input, value);
    const status = JSON.parse(JSON.stringify(value)) as Status;
    if (faultIn(status) !== undefined) return;
    let before = structuredClone(status) as unknown as JsonValue;
    for (const edits = input.list(3, () => 0); edits.length > 0; edits.pop()) before = changedJson(input, before);
    const earlier = JSON.parse(JSON.stringify(before)) as Status;
    const figures =
      faultIn(earlier) === undefined ? figuresOf({ ...earlier, uptime: status.uptime - 1, pid: status.pid }, status) : undefined;
    const [columns, rows] = [1 + input.u8(), 1 + input.below(60)];
    const view = { status, figures, trouble: undefined, index: 0, count: 1, interval: 1 };
    const lines = drawScreen(view, { columns, rows });
    const fits = lines.length === rows && lines.every(({ text }) => text.length <= columns);
    isTrue('a screen that fits', fits, { columns, rows, lines: lines.map(({ text }) => text.length) });
    const all = lines.map(({ text }) => text);
    if (figures) {
      all.push(...plainLines(figures, 'now'));
      JSON.stringify(figuresAsJson(figures, new Date(0)));
    }
    isTrue('nothing that a terminal obeys', !all.some((line) => /[\p{Cc}\p{Cf}]/u.test(line)), all);
  },
};
export default target;
