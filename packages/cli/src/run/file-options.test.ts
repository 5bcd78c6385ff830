import type { Command } from '@nfqlb/options';
import { expect, test } from 'vitest';
import { runCommand } from '../commands/run.js';
import { adoptFileOptions, fileOption } from './file-options.js';

/** The command as the line gives it, with nothing run. */
function given(...line: string[]): Command {
  const command = runCommand().action(() => {}) as Command;
  command.parse(['--config=f', ...line], { from: 'user' });
  return command;
}

test('options of a file are read as on the command line, which takes precedence', () => {
  const command = given('--qlength=7');
  const file = {
    queue: '0:3',
    qlength: 2048,
    fast: ['eth0', 'eth1'],
    keep: true,
    'log-format': 'json',
    metrics: '127.0.0.1:9100',
    nolb_fwmark: -1,
  };
  adoptFileOptions(command, new Map(Object.entries(file)));
  const line = given(
    '--queue=0:3',
    '--qlength=7',
    '--fast=eth0',
    '--fast=eth1',
    '--keep',
    '--log-format=json',
    '--metrics=127.0.0.1:9100',
    '--nolb_fwmark=-1',
  );
  expect(command.opts()).toEqual(line.opts());
});

test.each([
  ['quue', '0:3', /^unknown option "quue"; there are on-exit, .*queue, /],
  ['config', 'g', /^unknown option "config"/],
  ['queue', 'x', /^--queue=x: must be a queue from 0 to 65535 or several, FIRST:LAST$/],
  ['qlength', 0, /^--qlength=0: must be a whole number from 1 to 2147483647$/],
  ['qlength', [1, 2], /^--qlength: must be one value$/],
  ['qlength', true, /^--qlength: must have a value, as on the command line$/],
  ['fast', [], /^--fast: must not be empty$/],
  ['keep', 'yes', /^--keep: must be true or false$/],
] as const)('%s: %s', (name, value, message) => {
  expect(() => fileOption(runCommand(), name, value)).toThrow(message);
});
