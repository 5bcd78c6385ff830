import { expect, test } from 'vitest';
import { copyLog } from '../log/log.js';
import { Degradations } from './degradations.js';

test('what is degraded, why and since when; each change is logged once', () => {
  let now = 1000;
  const lines: string[] = [];
  copyLog((line) => lines.push(line.replace(/^nfqlb \w+: /, '')));
  const degradations = new Degradations(() => now);
  const tell = (problems: string[]): void => degradations.tell('nfqlb.yaml', problems, 'the last good one stays in force');
  tell([]);
  expect(degradations.all).toEqual([]);
  tell(['gone']);
  now = 6000;
  tell(['gone']);
  tell(['line 1', 'line 2']);
  now = 8000;
  expect(degradations.all).toEqual([{ subject: 'nfqlb.yaml', problems: ['line 1', 'line 2'], seconds: 7 }]);
  expect(degradations.sentences).toEqual(['nfqlb.yaml: degraded for 7 s: line 1', 'nfqlb.yaml: degraded for 7 s: line 2']);
  tell([]);
  tell([]);
  expect(degradations.all).toEqual([]);
  expect(lines).toEqual([
    'warning: nfqlb.yaml: gone; the last good one stays in force',
    'warning: nfqlb.yaml: line 1; the last good one stays in force',
    'warning: nfqlb.yaml: line 2; the last good one stays in force',
    'nfqlb.yaml: good again after 7 s',
  ]);
  copyLog(undefined);
});
