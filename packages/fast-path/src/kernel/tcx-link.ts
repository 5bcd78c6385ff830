// A program's link to the ingress of an interface: TCX, Linux 6.6. Pinned, it outlives its process.

import { closeSync, readFileSync, unlinkSync } from 'node:fs';
import { FastPathError } from '../fast-path-error.js';
import { createLink, detachLink, openPin, pinObject, updateLink } from './bpf-command.js';
import { systemError } from './system-error.js';

export class TcxLink {
  readonly #fd: number;
  readonly #pin: string;

  private constructor(fd: number, pin: string) {
    this.#fd = fd;
    this.#pin = pin;
  }

  /** @returns `undefined` if this kernel has no TCX */
  static create(program: number, interfaceIndex: number, pin: string): TcxLink | undefined {
    let fd: number;
    try {
      fd = createLink(program, interfaceIndex);
    } catch (error) {
      if ((error as { code?: string }).code === 'EINVAL') return undefined;
      throw systemError('attaching the program', error);
    }
    try {
      pinObject(fd, pin);
    } catch (error) {
      closeSync(fd);
      throw systemError(`pinning ${pin}`, error);
    }
    return new TcxLink(fd, pin);
  }

  /**
   * @returns the pinned link; `undefined` if there is none
   * @throws {@link FastPathError} `foreign`
   */
  static open(pin: string): TcxLink | undefined {
    let fd: number;
    try {
      fd = openPin(pin);
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOENT') return undefined;
      throw systemError(`opening ${pin}`, error);
    }
    if (!/^link_type:\s*tcx$/m.test(aboutDescriptor(fd))) {
      closeSync(fd);
      throw new FastPathError('foreign', `${pin} is not a link of the fast path: another program's; remove it, or name another folder`);
    }
    return new TcxLink(fd, pin);
  }

  /** Index of its interface, in whatever network namespace that is; 0 if that was deleted. */
  get interfaceIndex(): number {
    const [, index = '0'] = /^ifindex:\s*(\d+)$/m.exec(aboutDescriptor(this.#fd)) ?? [];
    return Number(index);
  }

  /** Replaces the program in one step. @returns false if the interface was deleted */
  update(program: number): boolean {
    try {
      updateLink(this.#fd, program);
      return true;
    } catch (error) {
      if ((error as { code?: string }).code === 'ENOLINK') return false;
      throw systemError('replacing the program', error);
    }
  }

  /** Detaches the program, wherever the interface is now. */
  remove(): void {
    try {
      detachLink(this.#fd);
    } catch {
      // The interface was deleted.
    }
    try {
      unlinkSync(this.#pin);
    } catch {
      // Removed by somebody else.
    }
    this.close();
  }

  /** Leaves program and pin. */
  close(): void {
    closeSync(this.#fd);
  }
}

function aboutDescriptor(fd: number): string {
  return readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8');
}
