import { expect, test } from 'vitest';
import { ChangeGate } from './change-gate.js';

test('changes pass; those that come while it is closed wait', async () => {
  const gate = new ChangeGate();
  const made: string[] = [];
  await gate.pass(() => void made.push('first'));
  await gate.close();
  const later = gate.pass(() => void made.push('second'));
  await new Promise((resolve) => setImmediate(resolve));
  expect(made).toEqual(['first']);
  gate.open();
  await later;
  expect(made).toEqual(['first', 'second']);
});

test('it is closed when nothing is under way', async () => {
  const gate = new ChangeGate();
  let finish = (): void => {};
  const slow = gate.pass(() => new Promise<void>((resolve) => (finish = resolve)));
  await Promise.resolve();
  let isClosed = false;
  const closed = gate.close().then(() => (isClosed = true));
  await new Promise((resolve) => setImmediate(resolve));
  expect(isClosed).toBe(false);
  finish();
  await Promise.all([slow, closed]);
});

test('a change that fails is under way no longer', async () => {
  const gate = new ChangeGate();
  await expect(gate.pass(() => Promise.reject(new Error('bad')))).rejects.toThrow('bad');
  await gate.close();
});

test('changes that wait are refused when it never opens again', async () => {
  const gate = new ChangeGate();
  await gate.close();
  const waiting = gate.pass(() => 1);
  gate.refuse(new Error('taken over'));
  await expect(waiting).rejects.toThrow('taken over');
  await expect(gate.pass(() => 1)).rejects.toThrow('taken over');
});
