import { expect, test } from 'vitest';
import { parseSavedRoutes } from '../policy-routes.js';
import { NOTHING_PRESENT, type Present } from '../present.js';
import { parseSavedRules } from '../saved-rules.js';
import type { SetUp } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import type { Step } from '../step.js';
import { KeptSetUp } from './kept-set-up.js';

const SET_UP: SetUp = {
  vips: { 4: ['10.0.0.1/32'], 6: [] },
  targets: [{ fwmark: 101, addresses: { 4: '192.168.1.1' } }],
  mode: 'dsr',
  queue: { first: 2, last: 2 },
  traffic: 'forward',
  keepSource: false,
  synOnly: false,
  fast: false,
};

const RULES = '*mangle\n:NFQLB - [0:0]\n-A PREROUTING -j NFQLB\n-A NFQLB -d 10.0.0.1/32 -j NFQUEUE --queue-num 2\nCOMMIT\n';
const whole = (rules: string, gateway = '192.168.1.1'): Present => ({
  ...NOTHING_PRESENT,
  4: {
    rules: parseSavedRules(rules),
    routes: parseSavedRoutes(
      '[{"priority":14200,"fwmark":"0x65","table":"1420000101","protocol":"142"}]',
      JSON.stringify([{ table: '1420000101', gateway }]),
    ),
  },
});

/** A kernel that shows what it is told to, and notes which programs are run. */
class Kernel {
  present = NOTHING_PRESENT;
  fails: SetupError | undefined;
  programs: string[] = [];
  read = (): Present => this.present;
  execute = (step: Step): void => {
    if (step.kind !== 'program') return;
    this.programs.push(step.command.slice(0, step.command[0] === 'ip' ? 3 : 1).join(' '));
    if (this.fails && step.command[0] === 'ip') throw this.fails;
    this.present = whole(RULES);
  };
}

test('what somebody else has changed is put right and named; else nothing is touched', () => {
  const kernel = new Kernel();
  const kept = new KeptSetUp(kernel);
  expect(kept.establish([SET_UP])).toEqual({ repaired: [], problems: [] });
  expect(kernel.programs).toEqual(['ip -force -4', 'iptables-restore']);
  kernel.programs = [];
  expect(kept.look()).toEqual({ repaired: [], problems: [] });
  expect(kernel.programs).toEqual([]);

  kernel.present = whole(RULES.replace('-A PREROUTING -j NFQLB\n', ''));
  expect(kept.look().repaired).toEqual(['missing: iptables -t mangle -A PREROUTING -j NFQLB']);
  kernel.present = whole(RULES, '192.168.1.9');
  expect(kept.look().repaired).toEqual([
    'missing: ip -4 route in table 1420000101 via 192.168.1.1',
    'added: ip -4 route in table 1420000101 via 192.168.1.9',
  ]);
  kernel.present = whole(RULES.replace('-A NFQLB', '-A NFQLB -d 10.0.0.1/32 -j ACCEPT\n-A NFQLB'));
  expect(kept.look().repaired).toEqual(['added: iptables -t mangle -A NFQLB -d 10.0.0.1/32 -j ACCEPT']);
  kernel.programs = [];
  expect(kept.look()).toEqual({ repaired: [], problems: [] });
  expect(kernel.programs).toEqual([]);
});

test('what fails is tried again at each look, and keeps nothing else from being set up', () => {
  const kernel = new Kernel();
  const kept = new KeptSetUp(kernel);
  kernel.fails = new SetupError('command-failed', 'no such network');
  expect(kept.establish([SET_UP])).toEqual({ repaired: [], problems: ['no such network'] });
  expect(kernel.programs).toContain('iptables-restore');
  expect(kept.look()).toEqual({ repaired: [], problems: ['no such network'] });
  kernel.fails = undefined;
  expect(kept.look()).toEqual({ repaired: [], problems: [] });
  kernel.fails = new SetupError('missing-program', 'ip is not installed');
  expect(() => kept.establish([])).toThrow('ip is not installed');
});
