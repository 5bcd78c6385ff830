import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { expect, test } from 'vitest';
import { listen } from './listen.js';

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const address = (name: string) => ({ kind: 'unix', name: `nfqlb-test-listen-${process.pid}-${name}` }) as const;

test('a server that cannot listen leaks no descriptor, and its address is free again', async () => {
  const server = createServer();
  await listen(server, address('a'), { danger: 'look' });
  const before = descriptors();
  // The server listens already.
  for (let i = 0; i < 10; i++)
    await expect(listen(server, address('b'), { danger: 'look' })).rejects.toMatchObject({ code: 'ERR_SERVER_ALREADY_LISTEN' });
  expect(descriptors()).toBe(before);
  const other = createServer();
  await listen(other, address('b'), { danger: 'look' });
  for (const each of [server, other]) {
    each.close();
    await once(each, 'close');
  }
});
