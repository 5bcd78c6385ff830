import { readFileSync } from 'node:fs';
import { type Command, canonicalArguments, OPTION_SYNONYMS, selectCommand } from '@nfqlb/options';
import { describe, expect, test } from 'vitest';
import { ipu } from '../ipu/program.js';
import { nfqlb } from './program.js';

const all = await nfqlb(['--help']);
const PROGRAMS = [all, ipu()];
const visible = (program: Command): Command[] => program.createHelp().visibleCommands(program) as Command[];
const commands = PROGRAMS.flatMap((program) =>
  visible(program)
    .filter((command) => command.name() !== 'help')
    .map((command) => ({ path: `${program.name()} ${command.name()}`, program, command })),
);
const names = visible(all).map((command) => command.name());

describe('loads', () => {
  test.each([
    [['show', '--json'], ['show']],
    [['help', 'show'], ['show']],
    [['--version'], []],
    [['-V'], []],
    [['completion', 'bash'], []],
  ])('%j: %j', async (argv, loaded) => {
    expect((await nfqlb(argv)).commands.map((command) => command.name())).toEqual([...loaded, 'completion', 'complete']);
  });

  test.each([[[]], [['help']], [['shw']], [['complete', '--', 's']]])('%j: everything', async (argv) => {
    expect(visible(await nfqlb(argv)).map((command) => command.name())).toEqual(names);
  });
});

test('the help has every command in one group', () => {
  const groups = all
    .helpInformation()
    .split('\n\n')
    .map((block) => block.split('\n'))
    .filter(([heading]) => /^(?!Usage|Options|Examples|Exit).*:$/.test(heading!))
    .map(([heading, ...lines]) => [heading, lines.flatMap((line) => /^ {2}(\S+)/.exec(line)?.[1] ?? [])]);
  expect(groups).toEqual([
    ['Tables and targets:', ['init', 'activate', 'deactivate', 'show', 'delete', 'primebelow']],
    ['Run:', ['run', 'lb', 'flowlb', 'announce']],
    ['Flows:', ['flow-set', 'flow-delete', 'flow-list', 'flow-list-names']],
    [
      'Look:',
      ['top', 'explain', 'stats', 'trace', 'trace-flow-set', 'trace-flow-delete', 'trace-flow-list', 'trace-flow-list-names', 'loglevel'],
    ],
    ['Set up:', ['up', 'down', 'doctor', 'apply', 'demo']],
    ['This program:', ['version', 'completion', 'help']],
  ]);
});

describe('examples', () => {
  test.each(commands)('of $path can be run', async ({ program, command }) => {
    expect(command.exampleLines.length).toBeGreaterThan(0);
    for (const [line] of command.exampleLines) expect([line, await ran(program, line)]).toEqual([line, command.name()]);
  });

  test('of nfqlb can be run', async () => {
    for (const [line] of all.exampleLines) expect(await ran(all, line)).toBe(line.split(' ')[1]);
  });
});

/** The command that a line runs, with all of its options and values read; here it does nothing. */
async function ran(program: Command, line: string): Promise<string | undefined> {
  const words = (/^eval "\$\((.*)\)"$/.exec(line)?.[1] ?? line).match(/(?:"[^"]*"|[^\s"])+/g)!.map((word) => word.replaceAll('"', ''));
  expect(words[0]).toBe(program.name());
  // Fresh, since a command keeps the values it was given.
  const fresh = program === all ? await nfqlb(words.slice(1)) : ipu();
  if (program !== all && words[1] === 'completion') return 'completion';
  const { command, args } = selectCommand(fresh, words.slice(1));
  let name: string | undefined;
  command.action(() => {
    name = command.name();
  });
  await fresh.parseAsync([command.name(), ...canonicalArguments(command, args)], { from: 'user' });
  return name;
}

test('words for commands lead to commands, and are none themselves', () => {
  for (const program of PROGRAMS) {
    const known = visible(program).map((command) => command.name());
    for (const [word, meant] of Object.entries(program.commandSynonyms)) {
      expect(known).not.toContain(word);
      for (const name of meant) expect([...known, 'help']).toContain(name);
    }
  }
});

test('words for options lead to options', () => {
  const known = commands.flatMap(({ command }) => command.options.map(({ long }) => long!.slice(2)));
  expect(
    Object.values(OPTION_SYNONYMS)
      .flat()
      .filter((name) => !known.includes(name)),
  ).toEqual([]);
});

describe('docs/commands.md', () => {
  const page = readFileSync(new URL('../../../../docs/commands.md', import.meta.url), 'utf8');
  const rows = page.match(/^\| `[^|]*` +\|.*$/gm)!.map((row) => row.split('|').map((cell) => cell.trim()));
  const listed = rows.map(([, command, , json]) => [command!.replaceAll('`', ''), json !== '']);

  test('has every command, in the order of the help, and says which have --json', () => {
    const expected = visible(all).map((command) => [command.name(), command.options.some(({ long }) => long === '--json')]);
    expect(listed).toEqual(expected);
  });
});
