import { describe, expect, test } from 'vitest';
import { parseSavedRoutes } from '../policy-routes.js';
import { NOTHING_PRESENT, type Present } from '../present.js';
import { parseSavedRules } from '../saved-rules.js';
import type { SetUp } from '../set-up.js';
import { SetupError } from '../setup-error.js';
import type { ProgramStep, Step } from '../step.js';
import { KeptSetUp } from './kept-set-up.js';

const DSR: SetUp = {
  vips: { 4: ['10.0.0.1/32'], 6: [] },
  targets: [{ fwmark: 101, addresses: { 4: '192.168.1.1' } }],
  mode: 'dsr',
  queue: { first: 2, last: 2 },
  traffic: 'forward',
  keepSource: false,
  synOnly: false,
  fast: false,
};

const NAT: SetUp = {
  ...DSR,
  targets: [...DSR.targets, { fwmark: 102, addresses: { 4: '192.168.1.2' } }],
  mode: 'nat',
  synOnly: true,
  queue: { first: 0, last: 3 },
  fragmentQueue: 4,
};

/** A kernel that does for IPv4 what it is told to, shows it in the words of iptables 1.8.9 and iproute2 6.1, and notes which programs are run. */
class Kernel {
  readonly chains = new Map<string, string[]>();
  policyRules: string[] = [];
  readonly routes = new Map<string, string>();
  fails: SetupError | undefined;
  programs: string[] = [];
  /** What somebody else does between a change and the look that follows it, each time one of these. */
  meanwhile: (() => void)[] = [];
  #isChanged = false;

  read = (): Present => {
    if (this.#isChanged) this.meanwhile.shift()?.();
    this.#isChanged = false;
    const inTable = (table: string): string => {
      const own = [...this.chains].filter(([key]) => key.startsWith(`${table} `));
      const name = (key: string): string => key.slice(table.length + 1);
      const rules = own.flatMap(([key, lines]) => lines.map((line) => `-A ${name(key)} ${inItsWords(line)}`));
      return [`*${table}`, ...own.map(([key]) => `:${name(key)} - [0:0]`), ...rules, 'COMMIT', ''].join('\n');
    };
    const policyRules = this.policyRules.map((line) => {
      const [, priority, , fwmark, , table, , protocol] = line.split(' ');
      return { priority: Number(priority), fwmark: `0x${Number(fwmark).toString(16)}`, table, protocol };
    });
    const routes = [...this.routes].map(([key, gateway]) => ({ table: key.split(' ')[0], ...(gateway ? { gateway } : { type: '7' }) }));
    return {
      ...NOTHING_PRESENT,
      4: {
        rules: parseSavedRules(['mangle', 'filter', 'nat'].map(inTable).join('')),
        routes: parseSavedRoutes(JSON.stringify(policyRules), JSON.stringify(routes)),
      },
    };
  };

  execute = (step: Step): void => {
    const { command, input } = step as ProgramStep;
    this.programs.push(command.slice(0, command[0] === 'ip' ? 3 : 1).join(' '));
    if (this.fails && command[0] === 'ip') throw this.fails;
    this.#isChanged = true;
    if (command[0] === 'ip') for (const line of input) this.#route(line);
    else this.#restore(input);
  };

  /** Removes a rule as somebody else would. */
  remove(chain: string, place = 0): void {
    this.chains.get(chain)!.splice(place, 1);
  }

  flush(): void {
    this.chains.clear();
    this.policyRules = [];
    this.routes.clear();
  }

  #restore(lines: readonly string[]): void {
    let table = '';
    for (const line of lines) {
      const [, command, name, rule = ''] = /^(\*|:|-\w |COMMIT)(\S*) ?(.*)$/.exec(line)!;
      const chain = `${table} ${name}`;
      if (command === '*') table = name!;
      else if (command === ':' || command === '-F ') this.chains.set(chain, []);
      else if (command === '-X ') this.chains.delete(chain);
      else if (command === '-A ') this.chains.get(chain)!.push(rule);
      else if (command === '-I ') this.chains.set(chain, [rule, ...(this.chains.get(chain) ?? [])]);
      else if (command === '-D ') this.remove(chain, this.chains.get(chain)!.indexOf(rule));
    }
  }

  #route(line: string): void {
    const table = /table (\d+)/.exec(line)![1]!;
    if (line.startsWith('rule add ')) this.policyRules.push(line.slice('rule add '.length));
    else if (line.startsWith('rule delete '))
      this.policyRules = this.policyRules.filter((one) => one !== line.slice('rule delete '.length));
    else if (line.startsWith('route flush ')) for (const kind of ['via', 'none']) this.routes.delete(`${table} ${kind}`);
    else if (line.includes(' unreachable ')) this.routes.set(`${table} none`, '');
    else this.routes.set(`${table} via`, /via (\S+)/.exec(line)![1]!);
  }
}

function inItsWords(rule: string): string {
  return rule
    .replace(/--mark (\d+)/, (_, mark) => `--mark 0x${Number(mark).toString(16)}`)
    .replace(/(-d [\d.]+)(?= )/, '$1/32')
    .replace('"4&0x3FFF=1:0x3FFF"', '"0x4&0x3fff=0x1:0x3fff"')
    .replace(/--(save|restore)-mark/, '$& --nfmask 0xffffffff --ctmask 0xffffffff');
}

test('what somebody else has changed is put right and named; else nothing is touched', () => {
  const kernel = new Kernel();
  const kept = new KeptSetUp(kernel);
  expect(kept.establish([DSR])).toEqual({ repaired: [], problems: [] });
  expect(kernel.programs).toEqual(['ip -force -4', 'iptables-restore']);
  kernel.programs = [];
  expect(kept.look()).toEqual({ repaired: [], problems: [] });
  expect(kernel.programs).toEqual([]);

  kernel.remove('mangle PREROUTING');
  expect(kept.look().repaired).toEqual(['missing: iptables -t mangle -A PREROUTING -j NFQLB']);
  kernel.routes.set('1420000101 via', '192.168.1.9');
  expect(kept.look().repaired).toEqual([
    'missing: ip -4 route in table 1420000101 via 192.168.1.1',
    'added: ip -4 route in table 1420000101 via 192.168.1.9',
  ]);
  kernel.chains.get('mangle NFQLB')!.unshift('-d 10.0.0.1/32 -j ACCEPT');
  expect(kept.look().repaired).toEqual(['added: iptables -t mangle -A NFQLB -d 10.0.0.1/32 -j ACCEPT']);
  kernel.programs = [];
  expect(kept.look()).toEqual({ repaired: [], problems: [] });
  expect(kernel.programs).toEqual([]);
});

test('what fails is tried again at each look, and keeps nothing else from being set up', () => {
  const kernel = new Kernel();
  const kept = new KeptSetUp(kernel);
  kernel.fails = new SetupError('command-failed', 'no such network');
  expect(kept.establish([DSR])).toEqual({ repaired: [], problems: ['no such network'] });
  expect(kernel.programs).toContain('iptables-restore');
  expect(kept.look()).toEqual({ repaired: [], problems: ['no such network'] });
  kernel.fails = undefined;
  expect(kept.look()).toEqual({ repaired: [], problems: [] });
  kernel.fails = new SetupError('missing-program', 'ip is not installed');
  expect(() => kept.establish([])).toThrow('ip is not installed');
});

describe('what somebody else changes between the change and the look at it', () => {
  const routes = ['via 192.168.1.1', 'unreachable'].map((route) => `missing: ip -4 route in table 1420000101 ${route}`);

  test.each<[string, SetUp, (kernel: Kernel) => void, string[]]>([
    ['a jump', DSR, (kernel) => kernel.remove('mangle PREROUTING'), ['missing: iptables -t mangle -A PREROUTING -j NFQLB']],
    [
      'the only rule of a chain',
      DSR,
      (kernel) => kernel.remove('filter NFQLB'),
      ['missing: iptables -t filter -A NFQLB -d 10.0.0.1 -m mark --mark 0 -j DROP'],
    ],
    [
      'one of several rules',
      NAT,
      (kernel) => kernel.remove('nat NFQLB', 2),
      ['missing: iptables -t nat -A NFQLB -d 10.0.0.1 -m mark --mark 102 -j DNAT --to-destination 192.168.1.2'],
    ],
    [
      'a rule that makes way for another',
      NAT,
      (kernel) => kernel.chains.get('mangle NFQLB')!.splice(3, 1, '-d 10.0.0.1/32 -j NFQUEUE --queue-balance 0:1'),
      [
        'missing: iptables -t mangle -A NFQLB -d 10.0.0.1 -j NFQUEUE --queue-balance 0:3',
        'added: iptables -t mangle -A NFQLB -d 10.0.0.1 -j NFQUEUE --queue-balance 0:1',
      ],
    ],
    [
      'the order of rules',
      NAT,
      (kernel) => kernel.chains.get('mangle NFQLB')!.reverse(),
      ['in another order: iptables -t mangle -A NFQLB'],
    ],
    ['a policy rule', DSR, (kernel) => kernel.policyRules.pop(), ['missing: ip -4 rule fwmark 101 table 1420000101']],
    ['routes', DSR, (kernel) => kernel.routes.clear(), routes],
    [
      'a gateway',
      DSR,
      (kernel) => kernel.routes.set('1420000101 via', '192.168.1.9'),
      [routes[0]!, 'added: ip -4 route in table 1420000101 via 192.168.1.9'],
    ],
  ])('%s: put right at once, and named', (_, setUp, change, repaired) => {
    const kernel = new Kernel();
    const kept = new KeptSetUp(kernel);
    kernel.meanwhile = [() => change(kernel)];
    expect(kept.establish([setUp])).toEqual({ repaired, problems: [] });
    const undisturbed = new Kernel();
    new KeptSetUp(undisturbed).establish([setUp]);
    expect(kernel.read()).toEqual(undisturbed.read());
    kernel.programs = [];
    expect(kept.look()).toEqual({ repaired: [], problems: [] });
    expect(kernel.programs).toEqual([]);
  });

  test('again and again: a problem that names it, until it stops', () => {
    const kernel = new Kernel();
    const kept = new KeptSetUp(kernel);
    kernel.meanwhile = [1, 2, 3, 4, 5, 6].map(() => () => kernel.flush());
    const problem =
      'rules and routes were made 3 times, and the kernel shows others than asked for: missing: iptables -t filter -A FORWARD -j NFQLB; ' +
      'missing: iptables -t filter -A INPUT -j NFQLB; missing: iptables -t filter -A NFQLB -d 10.0.0.1 -m mark --mark 0 -j DROP and 5 more; ' +
      'stop the program that changes them';
    expect(kept.establish([DSR])).toEqual({ repaired: [], problems: [problem] });
    expect(kernel.programs).toHaveLength(6);
    expect(kept.look()).toEqual({ repaired: [], problems: [problem] });
    expect(kept.look()).toEqual({ repaired: [], problems: [] });
    expect(kept.look()).toEqual({ repaired: [], problems: [] });
  });

  test('the ways to former targets are no deviation while they are to stay, and are one when they are not', () => {
    const kernel = new Kernel();
    const former: SetUp = { ...DSR, targets: [{ fwmark: 100, addresses: { 4: '192.168.1.7' } }] };
    new KeptSetUp(kernel).establish([former]);
    const kept = new KeptSetUp(kernel);
    expect(kept.establish([DSR], true)).toEqual({ repaired: [], problems: [] });
    expect([...kernel.routes.keys()]).toContain('1420000100 via');
    kernel.meanwhile = [() => kernel.routes.set('1420000100 via', '192.168.1.7')];
    expect(kept.establish([DSR])).toEqual({ repaired: ['added: ip -4 route in table 1420000100 via 192.168.1.7'], problems: [] });
    expect([...kernel.routes.keys()]).not.toContain('1420000100 via');
  });
});
