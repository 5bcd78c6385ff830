import { rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Topology } from '../topology/topology.js';

/** Compiled from clock/set-clock.c. */
const LIBRARY = fileURLToPath(new URL('../../build/set-clock.so', import.meta.url));

/** The clock (CLOCK_REALTIME) of programs that are started with {@link SettableClock.environment}; all others keep the machine's. */
export class SettableClock implements Disposable {
  /** For `env`. */
  readonly environment: readonly string[];
  readonly #file: string;

  constructor(net: Topology) {
    this.#file = `/dev/shm/${net.sharedMemory('clock')}`;
    this.environment = [`LD_PRELOAD=${LIBRARY}`, `SET_CLOCK=${this.#file}`];
    this.set(0);
  }

  /** Sets it so many seconds ahead of the machine's. */
  set(ahead: number): void {
    const octets = Buffer.alloc(8);
    octets.writeBigInt64LE(BigInt(ahead));
    writeFileSync(this.#file, octets, { flag: 'a+' });
    writeFileSync(this.#file, octets, { flag: 'r+' });
  }

  [Symbol.dispose](): void {
    rmSync(this.#file, { force: true });
  }
}
