import { CommanderError } from 'commander';
import type { Command } from './command.js';
import { canonicalArguments, selectCommand } from './command-line.js';
import { describeFailure, describeFailures } from './failure.js';
import { VERSION } from './standard-options.js';

/**
 * Runs a program; every program's main file ends with this call. Resolves when the command has ended.
 *
 * An error of the command becomes a line on stderr, `nfqlb init: --N=1000: …`, and `process.exitCode` 1; with NFQLB_DEBUG set,
 * the stack follows. Never throws.
 *
 * @param argv without the names of node and the program
 */
export async function run(program: Command, argv: readonly string[] = process.argv.slice(2)): Promise<void> {
  process.stdout.off('error', stdoutFailed).on('error', stdoutFailed);
  process.stderr.off('error', stderrFailed).on('error', stderrFailed);
  let path: string[] = [];
  try {
    const { command, args } = selectCommand(program, argv);
    for (let c = command; c !== program && c.parent; c = c.parent) path = [c.name(), ...path];
    const read = canonicalArguments(command, args);
    if (read[0] === VERSION.long) return void process.stdout.write(`${program.versionText}\n`);
    await program.parseAsync([...path, ...read], { from: 'user' });
  } catch (error) {
    // Help ends up here too.
    if (error instanceof CommanderError && error.exitCode === 0) return;
    process.exitCode = 1;
    const command = [program.name(), ...path].join(' ');
    process.stderr.write(
      describeFailures(error)
        .map((line) => `${command}: ${line}\n`)
        .join(''),
    );
    if (process.env.NFQLB_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
  }
}

/**
 * Loads a program and runs it. Loading may fail, too: each command is in a file of its own, which must be there, and for which a descriptor must be free.
 *
 * @param name of the program
 */
export async function runLoaded(name: string, load: () => Promise<Command>): Promise<void> {
  let program: Command;
  try {
    program = await load();
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${name}: ${describeFailure(error)}\n`);
    if (process.env.NFQLB_DEBUG && error instanceof Error) process.stderr.write(`${error.stack}\n`);
    return;
  }
  await run(program);
}

/** When nobody reads stdout any more (`nfqlb trace | head`), exit, as SIGPIPE, which Node ignores, makes a C program do. */
function stdoutFailed(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit();
  process.stderr.write(`stdout: ${error.message}\n`);
  process.exit(1);
}

/** When nobody reads stderr any more, continue: there is nobody to tell. */
function stderrFailed(): void {}
