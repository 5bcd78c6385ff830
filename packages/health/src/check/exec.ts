import { spawn } from 'node:child_process';
import type { ExecCheck } from '../settings/health-settings.js';
import { CheckAborted, type Destination } from '../socket/check-socket.js';
import { CheckFailure, ImpossibleCheck } from './outcome.js';

/** Octets of a program's error output that are looked at. */
const MAX_OUTPUT = 1000;

const PROBLEMS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such program',
  EACCES: 'it may not be run: is it executable?',
  EAGAIN: 'too many processes',
};

/** Passes when the program ends with status 0 in time. It and its children, as a process group, are killed otherwise. */
export function checkExec({ command }: ExecCheck, { name, deadline, timeout, signal }: Destination, fwmark: number): Promise<void> {
  const [program = '', ...args] = command.map((word) => word.replaceAll('{address}', name).replaceAll('{fwmark}', String(fwmark)));
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
    let output = '';
    let fault: Error | undefined;
    const kill = (why: Error): void => {
      fault ??= why;
      try {
        process.kill(-child.pid!, 'SIGKILL');
      } catch {
        // It has just ended.
      }
    };
    const abort = (): void => kill(new CheckAborted());
    const late = new CheckFailure(`${program} did not end within ${timeout} s`);
    const timer = setTimeout(() => kill(late), Math.max(0, deadline - performance.now()));
    signal.addEventListener('abort', abort);
    const end = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
    };
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      if (output.length < MAX_OUTPUT) output += text;
    });
    child.once('error', (error: NodeJS.ErrnoException) => {
      end();
      const problem = PROBLEMS[error.code ?? ''];
      reject(problem === undefined ? error : new ImpossibleCheck(`${program}: ${problem}`, { cause: error }));
    });
    // Not `close`: a grandchild may keep the pipe open.
    child.once('exit', (status, killedBy) => {
      end();
      // What it wrote just before is read in this turn.
      setImmediate(() => {
        child.stderr.destroy();
        if (fault) reject(fault);
        else if (status === 0) resolve();
        else reject(new CheckFailure(`${program}: ${killedBy ?? `exit status ${status}`}${firstLine(output)}`));
      });
    });
  });
}

function firstLine(output: string): string {
  const line = output.trim().split('\n', 1)[0]!.slice(0, 100);
  return line === '' ? '' : `: ${line}`;
}
