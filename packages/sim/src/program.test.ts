import { type Command, canonicalArguments, run, selectCommand } from '@nfqlb/options';
import { afterEach, expect, test, vi } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { sim } from './program.js';

afterEach(() => vi.restoreAllMocks());

test.each([[['--version']], [['-V']], [['replay', '--version']]])('%j', async (argv) => {
  const write = vi.spyOn(process.stdout, 'write').mockReturnValue(true);
  await run(sim(), argv);
  expect(write.mock.calls).toEqual([[`nfqlb-sim-${manifest.version}\n`]]);
});

test.each(['replay', 'fragtable', 'drain', 'maglev', 'tier', 'generate', 'diff'])('examples of %s can be run', async (name) => {
  const lines = (sim().commands.find((command) => command.name() === name) as Command).exampleLines;
  expect(lines.length).toBeGreaterThan(0);
  for (const [line] of lines) {
    const program = sim();
    const [first, ...argv] = line.match(/(?:"[^"]*"|[^\s"])+/g)!.map((word) => word.replaceAll('"', ''));
    const { command, args } = selectCommand(program, argv);
    const action = vi.fn();
    command.action(action);
    await program.parseAsync([command.name(), ...canonicalArguments(command, args)], { from: 'user' });
    expect([first, command.name(), action.mock.calls.length]).toEqual(['nfqlb-sim', name, 1]);
  }
});

test('words for commands lead to commands', () => {
  const names = sim().commands.map((command) => command.name());
  expect(
    Object.values(sim().commandSynonyms)
      .flat()
      .filter((name) => !names.includes(name)),
  ).toEqual([]);
});
