import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { SetupError } from './setup-error.js';

/** A change of the kernel's state: a program that is run, or a sysctl that is written. */
export type Step = ProgramStep | SysctlStep;

/** A program that is run without a shell. */
export interface ProgramStep {
  readonly kind: 'program';
  readonly command: readonly [program: string, ...args: string[]];
  /** Lines for its standard input. */
  readonly input: readonly string[];
}

export interface SysctlStep {
  readonly kind: 'sysctl';
  /** As in `net.ipv4.ip_forward`. */
  readonly name: string;
  readonly value: number;
}

/** Which Debian package has a program. */
const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2' };

/** What a shell would have to be given for the same. */
export function formatStep(step: Step): string {
  if (step.kind === 'sysctl') return `echo ${step.value} >${sysctlPath(step.name)}\n`;
  return `${step.command.join(' ')} <<'END'\n${step.input.join('\n')}\nEND\n`;
}

/** @throws {@link SetupError} */
export function execute(step: Step): void {
  if (step.kind === 'program') runProgram(step.command, step.input);
  else writeSysctl(step);
}

/**
 * Whether a step that has failed had changed something by then: `ip -batch` keeps each line that it has done, iptables-restore
 * each table up to its COMMIT. `undefined` where the program does not say how far it came.
 */
export function isPartlyDone(step: Step, { code, line }: SetupError): boolean | undefined {
  if (step.kind === 'sysctl' || code === 'missing-program') return false;
  if (line === undefined) return undefined;
  const before = step.input.slice(0, line - 1);
  return step.command[0] === 'ip' ? before.length > 0 : before.includes('COMMIT');
}

/** The file of a sysctl. Not for those of a device, whose name may have dots. */
export function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/**
 * Runs a program to its end and gives its stdout.
 *
 * @throws {@link SetupError} `missing-program`, or `command-failed` unless its status is 0
 */
export function runProgram(command: readonly [program: string, ...args: string[]], input: readonly string[] = []): string {
  const [program, ...args] = command;
  const { error, status, signal, stdout, stderr } = spawnSync(program, args, {
    input: input.map((line) => `${line}\n`).join(''),
    encoding: 'utf8',
    maxBuffer: 1 << 30,
    env: environment(),
  });
  const { code } = (error ?? {}) as NodeJS.ErrnoException;
  // A program that fails need not have read all of its input: what it says tells more.
  if (error && !(code === 'EPIPE' && status !== 0)) {
    if (code !== 'ENOENT') throw new SetupError('command-failed', `${program}: ${error.message}`, { cause: error });
    throw new SetupError('missing-program', `${program} is not installed; on Debian: apt-get install ${PACKAGES[program] ?? 'iptables'}`);
  }
  if (status !== 0) {
    const line = lineNumberOf(stderr, input);
    const reason = reasonOf(stderr) ?? `ended with ${signal ?? `status ${status}`}`;
    throw new SetupError('command-failed', `${command.join(' ')}: ${reason}${line === undefined ? '' : ` (${input[line - 1]})`}`, { line });
  }
  return stdout;
}

/** With the folders of programs for root, which root's own PATH need not have. */
export function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
}

function writeSysctl({ name, value }: SysctlStep): void {
  try {
    writeFileSync(sysctlPath(name), `${value}\n`);
  } catch (cause) {
    throw new SetupError('command-failed', `sysctl ${name} cannot be set to ${value}: ${(cause as Error).message}`, { cause });
  }
}

/** Without what iptables warns of at every run, in lines that begin with #, and what `ip` says before and after the reason. */
function reasonOf(stderr: string): string | undefined {
  const lines = stderr
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#') && !line.startsWith('Command failed'))
    .map((line) => line.replace(/^(Error|RTNETLINK answers): /, ''));
  return lines.length > 0 ? lines.join('; ') : undefined;
}

/** The line of the input that a program could not do: `ip` calls it `-:3`, iptables-restore `line 3` or `line: 3`. */
function lineNumberOf(stderr: string, input: readonly string[]): number | undefined {
  const number = Number(/(?:-:|line:? )(\d+)/.exec(stderr)?.[1]);
  return input[number - 1] === undefined ? undefined : number;
}
