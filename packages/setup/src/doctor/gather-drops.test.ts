import { expect, test } from 'vitest';
import { parseReversePathDrops } from './gather-drops.js';

test('reverse path filter drops are found by name', () => {
  const netstat = 'TcpExt: SyncookiesSent IPReversePathFilter TCPTimeouts\nTcpExt: 1 23 4\nIpExt: InNoRoutes\nIpExt: 9\n';
  expect(parseReversePathDrops(netstat)).toBe(23);
  expect(parseReversePathDrops('')).toBe(0);
  expect(parseReversePathDrops('TcpExt: SyncookiesSent\nTcpExt: 1\n')).toBe(0);
});
