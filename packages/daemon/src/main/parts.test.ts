import { expect, test } from 'vitest';
import { Parts } from './parts.js';

test('parts are closed once, in reverse order, even if closing another one fails', async () => {
  const closed: string[] = [];
  const parts = new Parts();
  expect(parts.add('a', (name) => void closed.push(name))).toBe('a');
  parts.add('b', async (name) => {
    await Promise.resolve();
    closed.push(name);
    throw new Error('b does not close');
  });
  parts.add('c', (name) => {
    closed.push(name);
    throw new Error('c does not close');
  });
  await expect(parts.close()).rejects.toThrow('c does not close');
  expect(closed).toEqual(['c', 'b', 'a']);
  await parts.close();
  expect(closed).toHaveLength(3);
});
