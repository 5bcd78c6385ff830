import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AttachedProgram, FastPathError, removeProgram } from '@nfqlb/fast-path';
import { SetupError } from './setup-error.js';

/** A change of the kernel's state: a program to run, a sysctl to write, or a fast path to remove. */
export type Step = ProgramStep | SysctlStep | FastPathStep;

/** A program that is run without a shell. */
export interface ProgramStep {
  readonly kind: 'program';
  readonly command: readonly [program: string, ...args: string[]];
  /** Lines for its standard input. */
  readonly input: readonly string[];
}

export interface SysctlStep {
  readonly kind: 'sysctl';
  /** Such as `net.ipv4.ip_forward`. */
  readonly name: string;
  readonly value: number;
}

/** Removes what `nfqlb lb --fast` has left in the kernel. */
export interface FastPathStep {
  readonly kind: 'fast-path';
  readonly program: AttachedProgram;
}

/** Debian packages of programs, unless it is iptables. */
const PACKAGES: Readonly<Record<string, string>> = { ip: 'iproute2' };

/** The equivalent shell command. */
export function formatStep(step: Step): string {
  if (step.kind === 'sysctl') return `echo ${step.value} >${sysctlPath(step.name)}\n`;
  if (step.kind === 'fast-path') return `rm -r ${step.program.pins} # the fast path at ${step.program.interface}\n`;
  return `${step.command.join(' ')} <<'END'\n${step.input.join('\n')}\nEND\n`;
}

/** The same for programs. */
export function stepAsJson(step: Step): object {
  if (step.kind === 'sysctl') return { sysctl: step.name, value: step.value };
  if (step.kind === 'fast-path') return { fastPath: step.program.interface, pins: step.program.pins };
  return { command: step.command, input: step.input };
}

/** @throws {@link SetupError} */
export function execute(step: Step): void {
  if (step.kind === 'program') runProgram(step.command, step.input);
  else if (step.kind === 'fast-path') removeFastPath(step.program);
  else writeSysctl(step);
}

/**
 * Whether a failed step has changed anything: `ip -batch` keeps each line that succeeded, iptables-restore each table that reached
 * its COMMIT. `undefined` if the program does not report the line that failed.
 */
export function isPartlyDone(step: Step, { code, line }: SetupError): boolean | undefined {
  if (step.kind !== 'program' || code === 'missing-program') return false;
  if (line === undefined) return undefined;
  const before = step.input.slice(0, line - 1);
  return step.command[0] === 'ip' ? before.length > 0 : before.includes('COMMIT');
}

/** The file of a sysctl. Not for sysctls of a device, whose name may contain dots. */
export function sysctlPath(name: string): string {
  return `/proc/sys/${name.replaceAll('.', '/')}`;
}

/**
 * Runs a program to completion and returns its stdout.
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
  // A program that fails may not have read all of its input: its stderr says more than EPIPE.
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

/** Adds the folders of system programs, which even root's PATH may lack. */
export function environment(): NodeJS.ProcessEnv {
  return { ...process.env, PATH: `${process.env.PATH ?? ''}:/usr/sbin:/sbin` };
}

function removeFastPath(program: AttachedProgram): void {
  try {
    removeProgram(program);
  } catch (error) {
    if (!(error instanceof FastPathError)) throw error;
    throw new SetupError('command-failed', error.message, { cause: error });
  }
}

function writeSysctl({ name, value }: SysctlStep): void {
  try {
    writeFileSync(sysctlPath(name), `${value}\n`);
  } catch (cause) {
    throw new SetupError('command-failed', `sysctl ${name} cannot be set to ${value}: ${(cause as Error).message}`, { cause });
  }
}

/** Leaves out the warnings that iptables prints on every run, in lines that begin with #, and the text of `ip` around the reason. */
function reasonOf(stderr: string): string | undefined {
  const lines = stderr
    .split('\n')
    .filter((line) => line.trim() !== '' && !line.startsWith('#') && !line.startsWith('Command failed'))
    .map((line) => line.replace(/^(Error|RTNETLINK answers): /, ''));
  return lines.length > 0 ? lines.join('; ') : undefined;
}

/** The input line that failed: `ip` reports it as `-:3`, iptables-restore as `line 3` or `line: 3`. */
function lineNumberOf(stderr: string, input: readonly string[]): number | undefined {
  const number = Number(/(?:-:|line:? )(\d+)/.exec(stderr)?.[1]);
  return input[number - 1] === undefined ? undefined : number;
}
