import { execFile } from 'node:child_process';
import { promisify } from 'node:util';

/** Batches until V8 has compiled what matters, and those that are counted. */
const WARM_UP = 60;
const COUNTED = 60;

/**
 * Instructions per packet, counted by valgrind: the same on any machine, however busy, to about 0.1%. V8 compiles in the main thread
 * (`--single-threaded`), at the same places each time (`--predictable`).
 *
 * @throws if valgrind is not installed
 */
export async function instructionsPerPacket(program: string, workload: string): Promise<number> {
  const [less, more] = await Promise.all([count(program, workload, WARM_UP), count(program, workload, WARM_UP + COUNTED)]);
  return (more.instructions - less.instructions) / (more.packets - less.packets);
}

interface Count {
  readonly instructions: number;
  readonly packets: number;
}

async function count(program: string, workload: string, batches: number): Promise<Count> {
  const { stdout, stderr } = await promisify(execFile)(
    'valgrind',
    [
      '--tool=callgrind',
      '--callgrind-out-file=/dev/null',
      process.execPath,
      // V8 believes valgrind's stack to be smaller than it is.
      '--stack-size=900',
      '--predictable',
      '--single-threaded',
      program,
      'run',
      workload,
      String(batches),
    ],
    { encoding: 'utf8', maxBuffer: 2 ** 24 },
  );
  const counted = /Collected : (\d+)/.exec(stderr)?.[1];
  if (counted === undefined) throw new Error(`valgrind counted nothing: ${stderr.trim().split('\n').at(-1)}`);
  return { instructions: Number(counted), packets: Number(stdout) };
}
