import { closeSync, fstatSync, mkdirSync, openSync, rmdirSync, statSync } from 'node:fs';
import { interfaceIndex, tryLock } from '@nfqlb/native';
import { FastPathError } from './fast-path-error.js';
import { ClsactFilter } from './kernel/clsact-filter.js';
import { systemError } from './kernel/system-error.js';
import { TcxLink } from './kernel/tcx-link.js';
import { CLSACT_PIN, pinsOf, TCX_PIN } from './pins.js';

/** Whoever only asks whether the folder is locked has the lock for a moment. */
const LOCK_TIMEOUT_MS = 200;

/**
 * A program at the ingress of an interface. Its pins are in a folder of their own, which is locked as long as this process uses it: the lock ends with
 * the process, the pins do not.
 */
export class Attachment {
  readonly name: string;
  readonly index: number;
  /** Whether it was attached by an earlier process. */
  readonly adopted: boolean;
  readonly #pins: string;
  readonly #lock: number;
  #link: TcxLink | undefined;
  #filter: ClsactFilter | undefined;

  /**
   * Claims an interface: attaches nothing yet.
   *
   * @param folder for pins
   * @param by how to attach it; default TCX, or else clsact
   * @param claimed descriptor of another process's claim ({@link claim}), to go on with it
   * @throws {@link FastPathError} `no-interface`, `in-use`, `foreign`, `not-permitted`
   */
  constructor(name: string, folder: string, by?: 'clsact', claimed?: number) {
    const index = interfaceIndex(name);
    if (index === undefined)
      throw new FastPathError('no-interface', `there is no interface ${name} in this network namespace; see: ip link`);
    this.name = name;
    this.index = index;
    this.#pins = pinsOf(folder, index);
    // Of a claim for another interface of that name, or in another folder, nothing is left.
    this.#lock = claimed !== undefined && isSame(this.#pins, claimed) ? claimed : lockFolder(this.#pins, name);
    try {
      this.#link = TcxLink.open(`${this.#pins}/${TCX_PIN}`);
      if (this.#link !== undefined && this.#link.interfaceIndex !== index) {
        // The interface that it was for is gone; the namespace's number or the interface's was used again.
        this.#link.remove();
        this.#link = undefined;
      }
    } catch (error) {
      closeSync(this.#lock);
      throw error;
    }
    const hasFilter = this.#link === undefined && exists(`${this.#pins}/${CLSACT_PIN}`);
    if (hasFilter || (by === 'clsact' && this.#link === undefined)) this.#filter = this.#newFilter();
    this.adopted = this.#link !== undefined || hasFilter;
  }

  get by(): 'tcx' | 'clsact' | undefined {
    if (this.#link !== undefined) return 'tcx';
    return this.#filter === undefined ? undefined : 'clsact';
  }

  /** Descriptor that has the lock, to pass the claim to another process. */
  get claim(): number {
    return this.#lock;
  }

  /** Whether the interface is where it was: not deleted, not moved to another network namespace, not replaced. */
  get isThere(): boolean {
    return interfaceIndex(this.name) === this.index && (this.#link === undefined || this.#link.interfaceIndex === this.index);
  }

  /** Attaches the program, or replaces the one before in one step. */
  update(program: number): void {
    if (this.#link?.update(program)) return;
    // A husk: its interface was deleted.
    this.#link?.remove();
    this.#link = undefined;
    if (this.#filter === undefined) {
      this.#link = TcxLink.create(program, this.index, `${this.#pins}/${TCX_PIN}`);
      if (this.#link !== undefined) return;
    }
    const filter = this.#filter ?? this.#newFilter();
    filter.update(program);
    this.#filter = filter;
  }

  /** Detaches the program, wherever the interface is now, and gives up the claim. */
  remove(): void {
    this.#link?.remove();
    this.#filter?.remove();
    this.#giveUp();
  }

  /** Gives up the claim, and leaves the program. */
  leave(): void {
    this.#link?.close();
    this.#giveUp();
  }

  #giveUp(): void {
    try {
      rmdirSync(this.#pins);
    } catch {
      // There are pins in it.
    }
    closeSync(this.#lock);
  }

  #newFilter(): ClsactFilter {
    return new ClsactFilter(this.name, `${this.#pins}/${CLSACT_PIN}`);
  }
}

function exists(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false }) !== undefined;
}

/** @returns a descriptor that has the lock */
function lockFolder(pins: string, name: string): number {
  for (;;) {
    let fd: number;
    try {
      mkdirSync(pins, { recursive: true });
      fd = openSync(pins, 'r');
    } catch (error) {
      // Removed between the two calls.
      if ((error as { code?: string }).code === 'ENOENT') continue;
      throw systemError(`using ${pins}`, error);
    }
    if (!tryLock(fd, LOCK_TIMEOUT_MS)) {
      closeSync(fd);
      throw new FastPathError('in-use', `${name}: another running load balancer has its fast path there; see: nfqlb top`);
    }
    // Before the lock, its owner may have removed the folder.
    if (isSame(pins, fd)) return fd;
    closeSync(fd);
  }
}

/** Whether this is the folder of that descriptor. */
function isSame(pins: string, fd: number): boolean {
  const [folder, opened] = [statSync(pins, { throwIfNoEntry: false }), fstatSync(fd)];
  return folder?.ino === opened.ino && folder.dev === opened.dev;
}
