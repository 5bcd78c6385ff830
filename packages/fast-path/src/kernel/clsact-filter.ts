// A program at the ingress of an interface by a filter of the qdisc clsact: for kernels before 6.6. The program tc (Debian: iproute2) does it.

import { spawnSync } from 'node:child_process';
import { unlinkSync } from 'node:fs';
import { FastPathError } from '../fast-path-error.js';
import { pinObject } from './bpf-command.js';
import { systemError } from './system-error.js';

/** Place and number of our filter among others. */
const PREFERENCE = '28262';
const FILTER = ['ingress', 'protocol', 'all', 'pref', PREFERENCE, 'handle', '1', 'bpf'];

export class ClsactFilter {
  readonly #interface: string;
  readonly #pin: string;

  /** @param pin where the program is pinned for tc; replaced by each {@link update} */
  constructor(name: string, pin: string) {
    this.#interface = name;
    this.#pin = pin;
  }

  /** Attaches the program, or replaces the one before, in one step. */
  update(program: number): void {
    const next = `${this.#pin}_next`;
    remove(next);
    try {
      pinObject(program, next);
    } catch (error) {
      throw systemError(`pinning ${next}`, error);
    }
    try {
      // Fails if there is one, or an ingress qdisc, which does as well.
      tc(['qdisc', 'add', 'dev', this.#interface, 'clsact']);
      const failure = tc(['filter', 'replace', 'dev', this.#interface, ...FILTER, 'direct-action', 'object-pinned', next]);
      if (failure !== undefined) {
        throw new FastPathError('failed', `attaching the program to ${this.#interface} with tc: ${failure}`);
      }
    } finally {
      remove(next);
    }
    remove(this.#pin);
    pinObject(program, this.#pin);
  }

  remove(): void {
    tc(['filter', 'del', 'dev', this.#interface, ...FILTER]);
    remove(this.#pin);
  }
}

/** @returns why it failed, in one line */
function tc(words: readonly string[]): string | undefined {
  const { error, status, stderr } = spawnSync('tc', words, { encoding: 'utf8' });
  if (error) {
    throw new FastPathError(
      'not-supported',
      'this kernel has no TCX (Linux 6.6 has), and the program tc, to attach by clsact, is missing; on Debian: apt-get install iproute2',
      { cause: error },
    );
  }
  return status === 0 ? undefined : (stderr.trim().split('\n')[0] ?? `status ${status}`);
}

function remove(pin: string): void {
  try {
    unlinkSync(pin);
  } catch {
    // There is none.
  }
}
