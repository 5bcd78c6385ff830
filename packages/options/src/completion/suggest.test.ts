import { describe, expect, test } from 'vitest';
import { Command } from '../command.js';
import { list, repeatable } from '../values/list.js';
import { wholeNumber } from '../values/numbers.js';
import { FILES, items, oneOf, suggesting, text, words } from '../values/suggestion.js';
import { addCompletion } from './index.js';
import { suggest } from './suggest.js';

function program(): Command {
  const made = new Command('test');
  made.description('a program');
  made
    .command('set')
    .description('sets something')
    .option('--shm <name>', 'a table', text(words('web', 'dns')), 'web')
    .option('--ft_size <packets>', 'a size', wholeNumber({ max: 1_000_000 }))
    .option('--level <level>', 'a level', wholeNumber({ min: 4, max: 7 }))
    .option('--protocols <list>', 'some', list(oneOf('tcp', 'udp', 'sctp')))
    .option('--kinds <list>', 'some', text(items(words('a', 'b'))))
    .option('--vip <address>', 'repeatable', repeatable(wholeNumber({ max: 1_000_000 })))
    .option('--dry-run', 'a flag')
    .option('--json [file]', 'to a file')
    .argument(
      '[fwmarks...]',
      'targets',
      repeatable(suggesting(wholeNumber({ max: 1_000_000 }), ({ option }) => [{ value: '101' }, { value: `${option('--shm')}` }])),
    );
  made.command('load').argument('<file>').argument('<mode>', 'how', oneOf('fast', 'slow'));
  made.command('fail').argument(
    '<name>',
    'none',
    text(() => Promise.reject(new Error('no answer'))),
  );
  made.addCommand(new Command('secret'), { hidden: true });
  addCompletion(made);
  return made;
}

/** The suggestions for a line of words separated by blanks. */
async function completed(line: string): Promise<string | readonly string[]> {
  const found = await suggest(program(), line.split(' '));
  return found === FILES ? FILES : found.map(({ value }) => value);
}

describe('what is offered', () => {
  test.each<[line: string, offered: string | string[]]>([
    ['', ['set', 'load', 'fail', 'completion', 'help']],
    ['s', ['set']],
    ['sec', []],
    ['-', ['--help']],
    ['help l', ['load']],
    ['help load ', []],
    ['nothing ', []],
    ['completion ', ['bash', 'zsh', 'fish']],
    ['set --', ['--shm=', '--ft_size=', '--level=', '--protocols=', '--kinds=', '--vip=', '--dry-run', '--json', '--json=', '--help']],
    ['set --sh', ['--shm=']],
    ['set -sh', ['-shm=']],
    ['set --ft-', ['--ft-size=']],
    ['set --dry_', ['--dry_run']],
    ['set --none', []],
    ['set --shm=', ['--shm=web', '--shm=dns']],
    ['set --shm=d', ['--shm=dns']],
    ['set -s=d', ['-s=dns']],
    ['set --shm ', ['web', 'dns']],
    ['set --shm d', ['dns']],
    ['set --level ', ['4', '5', '6', '7']],
    ['set --ft_size=', []],
    ['set --protocols=', ['--protocols=tcp', '--protocols=udp', '--protocols=sctp']],
    ['set --protocols=tcp,', ['--protocols=tcp,udp', '--protocols=tcp,sctp']],
    ['set --protocols tcp,sctp,u', ['tcp,sctp,udp']],
    ['set --kinds=b,', ['--kinds=b,a']],
    ['set --json=', FILES],
    // Given options are not offered again, unless they may be repeated.
    ['set --shm=web --vip=1 --dry-run --json --protocols=tcp --kinds=a --level 4 --', ['--ft_size=', '--vip=', '--help']],
    // Suggestions for arguments can use the options before them, and their defaults.
    ['set ', ['101', 'web']],
    ['set --shm=dns ', ['101', 'dns']],
    ['set --shm dns 101 ', ['dns']],
    ['set -- ', ['101', 'web']],
    ['set -- --', []],
    ['load ', FILES],
    ['load x ', ['fast', 'slow']],
    ['load x slow ', ['--help']],
  ])('%j: %j', async (line, offered) => {
    expect(await completed(line)).toEqual(offered);
  });

  test('with a version, the option that prints it', async () => {
    const versioned = program().versioned('1.2.3');
    const offered = async (...words: string[]): Promise<string[]> =>
      ((await suggest(versioned, words)) as readonly { value: string }[]).map(({ value }) => value);
    expect(await offered('-')).toEqual(['--help', '--version']);
    expect(await offered('load', '--')).toEqual(['--help', '--version']);
    expect(await offered('set', '--v')).toEqual(['--vip=', '--version']);
  });

  test('has a description', async () => {
    expect(await suggest(program(), ['se'])).toEqual([{ value: 'set', about: 'sets something' }]);
    expect(await suggest(program(), ['set', '--ft'])).toEqual([{ value: '--ft_size=', about: 'a size' }]);
  });

  test('fails if it cannot be found, and the command keeps quiet about that', async () => {
    await expect(suggest(program(), ['fail', ''])).rejects.toThrow('no answer');
  });
});
