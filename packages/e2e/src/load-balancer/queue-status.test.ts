import { expect, test } from 'vitest';
import { parseQueueStatus } from './queue-status.js';

test('one line per queue', () => {
  // Printed by Linux 6.18 for C nfqlb on two queues.
  const text = '    0  24512     0 2   512     0     0     2013  1\n    1 3213498     3 2 65531    17     4        0  1\n';
  expect(parseQueueStatus(text)).toEqual([
    { queue: 0, port: 24512, waiting: 0, copyMode: 2, copyRange: 512, queueDropped: 0, userDropped: 0, lastId: 2013 },
    { queue: 1, port: 3213498, waiting: 3, copyMode: 2, copyRange: 65531, queueDropped: 17, userDropped: 4, lastId: 0 },
  ]);
  expect(parseQueueStatus('')).toEqual([]);
});
