import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { Command } from './command.js';
import { run, runLoaded } from './run.js';
import { UsageError } from './usage-error.js';
import { repeatable } from './values/list.js';
import { fwmark, wholeNumber } from './values/numbers.js';
import { targets } from './values/targets.js';

let stdout = '';
let stderr = '';

beforeEach(() => {
  process.exitCode = 0;
  stdout = '';
  stderr = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  vi.unstubAllEnvs();
  process.exitCode = 0;
});

/** Stands for any error class of this project. */
class TableError extends Error {
  readonly code = 'no-free-slot';
}

function program(): Command {
  const nfqlb = new Command('nfqlb').description('balances load');
  nfqlb
    .command('init')
    .description('creates a table')
    .option('--M <buckets>', 'buckets', wholeNumber({ min: 3, max: 993997 }), 997)
    .option('--targets <list>', 'fwmarks', targets)
    .action(({ M }: { M: number }) => {
      process.stdout.write(`M=${M}\n`);
    });
  nfqlb.command('delete').requiredOption('--shm <name>', 'name of the table');
  nfqlb
    .command('activate')
    .argument('<fwmarks...>', 'targets', repeatable(fwmark))
    .option('--conflicts', 'throws')
    .action((fwmarks: number[]) => {
      process.stdout.write(`${fwmarks.join('+')}\n`);
    });
  nfqlb
    .command('fail')
    .argument('<how>')
    .action(async (how: string) => {
      if (how === 'usage') throw new UsageError('invalid-value', 'must be at most M, which is 997', { option: '--N', value: '1000' });
      if (how === 'package') throw new TableError('no free slot for fwmark 7:\n  all 32 are taken');
      if (how === 'system') readFileSync('/none/x');
      if (how === 'node') Buffer.from(1 as unknown as string);
      throw new TypeError('x is undefined');
    });
  return nfqlb;
}

test('a command', async () => {
  await run(program(), ['init', '-M', '7']);
  expect([stdout, stderr, process.exitCode]).toEqual(['M=7\n', '', 0]);
});

test('arguments, repeated and negative', async () => {
  await run(program(), ['activate', '1', '2', '--', '3']);
  expect([stdout, stderr]).toEqual(['1+2+3\n', '']);
  await run(program(), ['activate', '1', '-1']);
  expect(stderr).toMatch(/^nfqlb activate: fwmarks -1: must be a whole number from 0 to 2147483647 \(the shared table/);
});

describe('help goes to stdout', () => {
  test.each([[[]], [['--help']], [['-h']], [['help']], [['help', 'help']]])('%j', async (argv) => {
    await run(program(), argv);
    expect(stdout).toMatch(/^Usage: nfqlb \[options\] \[command\]\n\nbalances load\n/);
    expect(stdout).toMatch(/ init \[options\] +creates a table\n/);
    expect([stderr, process.exitCode]).toEqual(['', 0]);
  });

  test.each([[['help', 'init']], [['init', '--help']], [['init', '-M=0', '-help']]])('%j', async (argv) => {
    await run(program(), argv);
    expect(stdout).toMatch(/^Usage: nfqlb init \[options\]\n\ncreates a table\n/);
    expect(stdout).toMatch(/ --M <buckets> +buckets \(default: 997\)\n/);
    expect([stderr, process.exitCode]).toEqual(['', 0]);
  });

  test('marks required options', async () => {
    await run(program(), ['delete', '--help']);
    expect(stdout).toMatch(/ --shm <name> +name of the table \(required\)\n/);
  });
});

describe('the version goes to stdout', () => {
  test.each([[['--version']], [['-V']], [['init', '-V']], [['init', '--M=7', '--version']]])('%j', async (argv) => {
    await run(program().versioned('nfqlb-1.2.3'), argv);
    expect([stdout, stderr, process.exitCode]).toEqual(['nfqlb-1.2.3\n', '', 0]);
  });
});

describe('the help of a program', () => {
  test('has its commands by purpose, the first part of what each does, and what the exit status means', async () => {
    const nfqlb = new Command('nfqlb').versioned('1').commandsGroup('Look:').helpCommand(true) as Command;
    nfqlb.command('show').description('show a table; all of it with --json');
    await run(nfqlb.examples(['nfqlb show', 'the table']), ['help']);
    expect(stdout).toBe(`Usage: nfqlb [options] [command]

Options:
  -h, --help      display help for command
  -V, --version   print the version

Look:
  show            show a table
  help [command]  display help for command

Examples:
  # the table
  nfqlb show

Exit status:
  0; or 1 after an error, which is a line on stderr

\`nfqlb help COMMAND\` shows a command's options and examples.
`);
  });

  test('of a command has its own exit statuses', async () => {
    const nfqlb = program();
    (nfqlb.commands[0] as Command).exitStatus('0; 3 in July');
    await run(nfqlb, ['init', '--help']);
    expect(stdout).toMatch(/\n\nExit status:\n {2}0; 3 in July\n$/);
  });
});

describe('errors are one line on stderr', () => {
  test.each([
    [['innit'], 'nfqlb: innit: no such command; did you mean init?'],
    [['help', 'innit'], 'nfqlb: innit: no such command; did you mean init?'],
    [['--shm=x'], 'nfqlb: --shm: no such option; there are --help'],
    [['init', '--m=1'], 'nfqlb init: --m: no such option; did you mean --M?'],
    [['init', '--M=-1'], 'nfqlb init: --M=-1: must be a whole number from 3 to 993997'],
    [['init', '-M', '-1'], 'nfqlb init: --M=-1: must be a whole number from 3 to 993997'],
    [['init', '--targets=1,1'], 'nfqlb init: --targets=1,1: fwmark 1 is listed twice'],
    [
      ['init', '--targets=1,x:2'],
      'nfqlb init: --targets=1,x:2: x: must be a whole number from 1 to 2147483647 (a packet with fwmark 0 counts as one without, and is dropped)',
    ],
    [['init', 'more'], 'nfqlb init: more: an argument too many; the usage is: nfqlb init [options]'],
    [['delete'], 'nfqlb delete: missing option --shm'],
    [['activate'], 'nfqlb activate: missing argument fwmarks; the usage is: nfqlb activate [options] <fwmarks...>'],
    [['fail', 'usage'], 'nfqlb fail: --N=1000: must be at most M, which is 997'],
    [['fail', 'package'], 'nfqlb fail: no free slot for fwmark 7: all 32 are taken'],
    [['fail', 'system'], 'nfqlb fail: /none/x: no such file or directory'],
    [['fail', 'bug'], 'nfqlb fail: internal error: TypeError: x is undefined; set NFQLB_DEBUG=1 to see where'],
  ])('%j', async (argv, line) => {
    await run(program(), argv);
    expect([stdout, stderr, process.exitCode]).toEqual(['', `${line}\n`, 1]);
  });

  test('a program that cannot be loaded, as without a free descriptor', async () => {
    const error = Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE', syscall: 'open', path: '/none/part.js' });
    await runLoaded('nfqlb', () => Promise.reject(error));
    expect([stdout, stderr, process.exitCode]).toEqual(['', 'nfqlb: /none/part.js: too many open files (ulimit -n)\n', 1]);
  });

  test("Node's complaint about a wrong call is a bug, not the user's mistake", async () => {
    await run(program(), ['fail', 'node']);
    expect(stderr).toMatch(/^nfqlb fail: internal error: TypeError.*; set NFQLB_DEBUG=1 to see where\n$/);
  });

  test('NFQLB_DEBUG adds the stack', async () => {
    vi.stubEnv('NFQLB_DEBUG', '1');
    await run(program(), ['fail', 'bug']);
    expect(stderr).toMatch(/\nTypeError: x is undefined\n {4}at .*run\.test\.ts/);
  });
});

describe('when output fails', () => {
  beforeEach(async () => {
    vi.spyOn(process, 'exit').mockImplementation((status) => {
      throw new Error(`exit ${status}`);
    });
    await run(program(), ['init']);
    stdout = '';
  });

  const fail = (stream: NodeJS.WriteStream, code: string, message: string): boolean =>
    stream.emit('error', Object.assign(new Error(message), { code }));

  test('it exits quietly when the reader has gone away', () => {
    expect(() => fail(process.stdout, 'EPIPE', 'write EPIPE')).toThrowError('exit undefined');
    expect([stdout, stderr]).toEqual(['', '']);
  });

  test('it reports a full disk', () => {
    expect(() => fail(process.stdout, 'ENOSPC', 'ENOSPC: no space left on device, write')).toThrowError('exit 1');
    expect(stderr).toBe('stdout: ENOSPC: no space left on device, write\n');
  });

  test('it continues without stderr', () => {
    expect(fail(process.stderr, 'EPIPE', 'write EPIPE')).toBe(true);
  });
});
