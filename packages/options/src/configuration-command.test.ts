import { describe, expect, test } from 'vitest';
import { type ConfigurationCommand, configurationCommand } from './configuration-command.js';
import { UsageError } from './usage-error.js';
import { DJB2 } from './values/hash.js';

const ALL = ['init', 'activate', 'deactivate', 'flow-set', 'flow-delete'] as const;
const UNNAMED = { shm: undefined, index: undefined, drain: undefined };

describe('a command that changes tables or flows is read as nfqlb reads it', () => {
  test.each<[line: string, command: ConfigurationCommand]>([
    [
      'activate 101 102',
      {
        name: 'activate',
        ...UNNAMED,
        targets: [
          { fwmark: 101, weight: 1 },
          { fwmark: 102, weight: 1 },
        ],
      },
    ],
    [
      '  activate --index=3 -weight 2  --sh=web --drain=30 101 ',
      { name: 'activate', shm: 'web', index: 3, drain: 30, targets: [{ fwmark: 101, weight: 2 }] },
    ],
    ['deactivate 101', { name: 'deactivate', ...UNNAMED, fwmarks: [101] }],
    ['deactivate --index=0 --drain 0', { name: 'deactivate', shm: undefined, index: 0, drain: 0, fwmarks: [] }],
    ['init --shm=web --M=97', { name: 'init', shm: 'web', M: 97, N: 32, ownfw: 0, permutation: 'fwmark', hash: DJB2 }],
    ['flow-delete --name=web', { name: 'flow-delete', flow: 'web' }],
    [
      `flow-set --name=web --target="we"'b' --match="tcp[13:1] & 0x02 = 2"`,
      { name: 'flow-set', flow: { name: 'web', target: 'web', prio: '0', match: 'tcp[13:1] & 0x02 = 2' } },
    ],
  ])('%s', (line, command) => {
    expect(configurationCommand(line, ALL)).toEqual(command);
  });

  test.each([
    ['', 'must be a command: one of init, activate, deactivate, flow-set, flow-delete'],
    ['help', 'help: must be a command: one of'],
    ['--help', '--help: must be a command: one of'],
    ['explode', 'explode: no such command; there are init, activate, deactivate, flow-set, flow-delete'],
    ['activat 1', 'activat: no such command; did you mean activate?'],
    ['activate x', 'x: must be a whole number from 1 to 2147483647'],
    ['activate --index=0 1 2', '--index=0: a slot takes one fwmark, not 2'],
    ['deactivate --weight=1 1', '--weight: no such option'],
    ['deactivate --drain=86401 1', '--drain=86401: must be a whole number from 0 to 86400'],
    ['flow-set --name=web', 'missing option --target'],
    ['flow-set --name="web', 'the quote " is not closed'],
  ])('%j is refused', (line, problem) => {
    expect(() => configurationCommand(line, ALL)).toThrow(UsageError);
    expect(() => configurationCommand(line, ALL)).toThrow(problem);
  });

  test('a command that is not allowed is refused', () => {
    expect(() => configurationCommand('init', ['activate'])).toThrow('init: no such command; there are activate');
  });
});
