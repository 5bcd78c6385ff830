import { expect, test } from 'vitest';
import { answerOf } from './endpoint-slices.js';

const endpoint = (name: unknown, address: unknown): object => ({ addresses: [address], targetRef: { kind: 'Pod', namespace: 'a', name } });

test('what a server names its things is shown in one line, and obeyed by no terminal', () => {
  const { entries, problems } = answerOf([
    { metadata: { name: 'bad\n\u001b[2J' }, addressType: 'FQDN' },
    { metadata: { name: { toString: 1 } }, addressType: { toString: 1 } },
    { metadata: { name: 'good' }, addressType: 'IPv4', endpoints: [endpoint('x\n', '10.0.0.1'), endpoint('y', 'no\naddress')] },
  ]);
  expect(entries.map(({ name }) => name)).toEqual(['Pod a/x\\x0a']);
  expect(problems).toHaveLength(3);
  for (const problem of problems) expect(problem).not.toMatch(/\p{Cc}/u);
});

test('pods with long names that begin alike are different targets', () => {
  const long = 'x'.repeat(250);
  const { entries } = answerOf([{ addressType: 'IPv4', endpoints: [endpoint(`${long}1`, '10.0.0.1'), endpoint(`${long}2`, '10.0.0.2')] }]);
  expect(entries).toHaveLength(2);
});

test('endpoints without a list of addresses are passed over', () => {
  const slice = { addressType: 'IPv4', endpoints: [{ addresses: 'ab' }, null, { addresses: null }, endpoint('a', '10.0.0.1')] };
  expect(answerOf([slice])).toMatchObject({ entries: [{ addresses: ['10.0.0.1'] }], problems: [] });
});
