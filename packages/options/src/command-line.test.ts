import { beforeEach, describe, expect, test } from 'vitest';
import { Command, Option } from './command.js';
import { canonicalArguments, selectCommand } from './command-line.js';
import { UsageError, type UsageErrorCode } from './usage-error.js';
import { wholeNumber } from './values/numbers.js';

let command: Command;
let got: { args: string[]; options: Record<string, unknown> };

beforeEach(() => {
  command = new Command('test')
    .argument('[words...]')
    .option('--shm <name>')
    .option('--M <buckets>', '', wholeNumber({ min: 3, max: 1_000_000 }))
    .option('--N <slots>', '', wholeNumber({ max: 1_000_000 }))
    .option('--mtu <octets>', '', wholeNumber({ max: 1_000_000 }))
    .option('--ft_size <packets>', '', wholeNumber({ max: 1_000_000 }))
    .option('--ft_shm <name>')
    .option('--dports <list>')
    .option('--flow <name>')
    .option('--flow-file <name>')
    .option('--notargets_fwmark <fwmark>', '', wholeNumber({ min: -1, max: 1_000_000 }))
    .option('--promiscuous_ping')
    .option('--no-tun')
    .option('--json [file]')
    .action((args: string[], options: Record<string, unknown>) => {
      got = { args, options };
    });
});

/** What the command's action gets; without `tun` if it is not given. */
async function parse(line: string): Promise<[string[], Record<string, unknown>]> {
  await command.parseAsync(canonicalArguments(command, words(line)), { from: 'user' });
  const { tun, ...options } = got.options;
  return [got.args, tun === false ? { ...options, tun } : options];
}

/** Words separated by blanks; '' is an empty one. */
const words = (line: string): string[] => line.split(' ').flatMap((word) => (word === '' ? [] : word.replace("''", '')));

function failure(act: () => unknown): { code: UsageErrorCode; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof UsageError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error('there was no error');
}

describe('what glibc 2.36 getopt_long_only reads the same way', () => {
  test.each<[line: string, args: string[], options: Record<string, unknown>]>([
    ['', [], {}],
    ['--shm=x', [], { shm: 'x' }],
    ['--shm x', [], { shm: 'x' }],
    ['-shm=x', [], { shm: 'x' }],
    ['-shm x', [], { shm: 'x' }],
    ['--M=5 -N 6', [], { M: 5, N: 6 }],
    ['-M=5', [], { M: 5 }],
    ['--dport=80', [], { dports: '80' }],
    ['-d 80', [], { dports: '80' }],
    ['--ft_si=7', [], { ft_size: 7 }],
    ['--flow=a', [], { flow: 'a' }],
    ['--flow-=a', [], { flowFile: 'a' }],
    ['--shm=', [], { shm: '' }],
    ["--shm ''", [], { shm: '' }],
    ['--shm==', [], { shm: '=' }],
    ['--shm=a=b', [], { shm: 'a=b' }],
    ['--shm=--M', [], { shm: '--M' }],
    ['--shm=a --shm=b', [], { shm: 'b' }],
    ['--sh=a -shm b', [], { shm: 'b' }],
    ['--notargets_fwmark -1', [], { notargets_fwmark: -1 }],
    ['--notargets_fwmark=-1', [], { notargets_fwmark: -1 }],
    ['--promiscuous_ping', [], { promiscuous_ping: true }],
    ['-prom 1', ['1'], { promiscuous_ping: true }],
    ['1 --M=5 2', ['1', '2'], { M: 5 }],
    ['1 -- --M=5 2', ['1', '--M=5', '2'], {}],
    ['-- -- --', ['--', '--'], {}],
    ['- --M=5', ['-'], { M: 5 }],
    ["''", [''], {}],
    ['--json --M=5', [], { json: true, M: 5 }],
    ['--json x', ['x'], { json: true }],
    ['--json=x', [], { json: 'x' }],
    ['--no-tun', [], { tun: false }],
  ])('%s', async (line, args, options) => expect(await parse(line)).toEqual([args, options]));
});

describe('what is read beyond that', () => {
  test.each<[line: string, args: string[], options: Record<string, unknown>]>([
    ['--ft-size=7', [], { ft_size: 7 }],
    ['-ft-si 7', [], { ft_size: 7 }],
    ['--flow_file=a', [], { flowFile: 'a' }],
    ['--no_tun', [], { tun: false }],
    ['-1 --M=5 -2.5', ['-1', '-2.5'], { M: 5 }],
  ])('%s', async (line, args, options) => expect(await parse(line)).toEqual([args, options]));

  test.each(['--help', '-help', '-h', '--he', '1 2 -h 3', '--M=5 --help --nonsense'])('%s asks for help', (line) =>
    expect(canonicalArguments(command, words(line))).toEqual(['--help']),
  );
});

test.each<[line: string, code: UsageErrorCode, message: string]>([
  ['--ft_s=7', 'ambiguous-option', '--ft_s: could be --ft_size or --ft_shm'],
  ['-flo x', 'ambiguous-option', '--flo: could be --flow or --flow-file'],
  ['--mut=1500', 'unknown-option', '--mut: no such option; did you mean --mtu?'],
  ['--m=1500 --x', 'unknown-option', expect.stringMatching(/^--x: no such option; there are --shm, --M, --N, .*, --json, --help$/)],
  ['---shm=x', 'unknown-option', expect.stringMatching(/^---shm: /)],
  ['--=x', 'unknown-option', expect.stringMatching(/^--: /)],
  ['-=x', 'unknown-option', expect.stringMatching(/^--: /)],
  ['--shm', 'missing-value', '--shm: needs a value, as in --shm=VALUE'],
  ['--shm --M=5', 'missing-value', '--shm: needs a value, as in --shm=VALUE'],
  ['--sh -- x', 'missing-value', '--shm: needs a value, as in --shm=VALUE'],
  ['-prom=1', 'unexpected-value', '--promiscuous_ping=1: takes no value'],
])('%s: %s', (line, code, message) => expect(failure(() => canonicalArguments(command, words(line)))).toEqual({ code, message }));

test.each<[given: string, means: string]>([
  ['--priority=1', '--prio'],
  ['--port=80', '--dports'],
  ['--source-port=80', '--sports'],
  ['--Dst_port=80', '--dports'],
  ['--prios=1', '--prio'],
])('%s: did you mean %s?', (given, means) => {
  command.option('--prio <number>').option('--sports <list>');
  const option = given.replace(/=.*/, '');
  expect(failure(() => canonicalArguments(command, [given]))).toEqual({
    code: 'unknown-option',
    message: `${option}: no such option; did you mean ${means}?`,
  });
});

test('an option that could be several others', () => {
  const made = new Command('explain').option('--dst <address>').option('--vip <address>');
  expect(failure(() => canonicalArguments(made, ['--address=10.0.0.1'])).message).toBe(
    '--address: no such option; did you mean --vip or --dst?',
  );
});

test('hidden options are not listed', () => {
  const made = new Command('demo').addOption(new Option('--role <host>').hideHelp());
  expect(failure(() => canonicalArguments(made, ['--nonsense'])).message).toBe('--nonsense: no such option; there are --help');
});

describe('the version', () => {
  const program = new Command('nfqlb').versioned('nfqlb-1.2.3');
  const up = program.command('up').option('--vip <cidr>').argument('[words...]');
  const show = program.command('show');

  test.each<[line: string, command: Command]>([
    ['--version', program],
    ['-V', program],
    ['-version', show],
    ['--vers', show],
    ['--v', show],
    ['-V', show],
    ['--vip=1 -V --nonsense', up],
  ])('%s asks for it', (line, asked) => expect(canonicalArguments(asked, words(line))).toEqual(['--version']));

  test("the beginning of a command's own option stays that", () => {
    expect(canonicalArguments(up, ['--v=10.0.0.1/32'])).toEqual(['--vip=10.0.0.1/32', '--']);
  });

  test('takes no value', () => {
    expect(failure(() => canonicalArguments(show, ['--version=2'])).message).toBe('--version=2: takes no value');
    expect(failure(() => canonicalArguments(show, ['--help=2'])).message).toBe('--help=2: takes no value');
  });

  test('is no option where there is none', () => {
    expect(failure(() => canonicalArguments(new Command('x'), ['-V'])).code).toBe('unknown-option');
  });
});

test('required options', () => {
  command.requiredOption('--name <flow>').requiredOption('--target <shm>').requiredOption('--prio <number>', '', '0');
  expect(failure(() => canonicalArguments(command, []))).toEqual({ code: 'missing-option', message: 'missing option --name, --target' });
  expect(failure(() => canonicalArguments(command, ['-target', 'x'])).message).toBe('missing option --name');
  expect(canonicalArguments(command, ['-target=x', '--name', 'y'])).toEqual(['--target=x', '--name=y', '--']);
  expect(canonicalArguments(command, ['--help'])).toEqual(['--help']);
});

describe('commands', () => {
  const program = new Command('nfqlb');
  const init = program.command('init');
  const flowSet = program.command('flow-set').alias('flow-define');
  program.command('flow-list');
  program.alsoKnownAs({ create: ['init'], list: ['flow-list', 'show'], define: ['flow-set', 'init'] });

  test.each<[line: string, command: Command, args: string[]]>([
    ['', program, ['--help']],
    ['--help', program, ['--help']],
    ['-x init', program, ['-x', 'init']],
    ['help', program, ['--help']],
    ['help init', init, ['--help']],
    ['help init more', init, ['--help']],
    ['init', init, []],
    ['init --shm=x init', init, ['--shm=x', 'init']],
    ['flow-define -h', flowSet, ['-h']],
  ])('%s', (line, selected, args) => {
    const { command, args: rest } = selectCommand(program, words(line));
    expect([command.name(), rest]).toEqual([selected.name(), args]);
  });

  test.each([
    ['flow-sett', 'flow-sett: no such command; did you mean flow-set?'],
    ['ini', 'ini: no such command; did you mean init?'],
    ['help ini', 'ini: no such command; did you mean init?'],
    ['flow list', 'flow: no such command; did you mean flow-list?'],
    ['create --M=7', 'create: no such command; did you mean init?'],
    // Only those that the program has.
    ['list', 'list: no such command; did you mean flow-list?'],
    ['Define', 'Define: no such command; did you mean flow-set or init?'],
    ['constructor', 'constructor: no such command; there are init, flow-set, flow-list, help'],
    ['frobnicate', 'frobnicate: no such command; there are init, flow-set, flow-list, help'],
  ])('%s', (line, message) => expect(failure(() => selectCommand(program, words(line)))).toEqual({ code: 'unknown-command', message }));

  test('a program without commands keeps all arguments', () => {
    expect(selectCommand(init, ['help', '-x'])).toEqual({ command: init, args: ['help', '-x'] });
  });
});
