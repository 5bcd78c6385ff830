// POSIX shared memory: on Linux, shm_open(3) opens files in /dev/shm. So files they are here; what Node lacks is mapping, locking and taking
// memory beforehand.

import { closeSync, constants, fstatSync, linkSync, lstatSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { binding, type MappingBinding } from './binding.js';
import { openDraft, removeAbandonedDrafts } from './draft.js';
import { NativeError, nativeError } from './native-error.js';
import { checkOwner, userName } from './owner.js';

const FOLDER = '/dev/shm';
/** As C nfqlb has it: only the owner may read and write. */
const MODE = 0o600;

/** Longest name of a file. */
const NAME_MAX = 255;

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

export interface CreateOptions {
  /** Whether an object of that name is replaced; else it is an error. Default: it is. */
  readonly replace?: boolean;
}

export interface OpenOptions {
  /**
   * Whether it is only read: then it need not be ours to write. What is written to its buffer all the same stays in this process, and
   * from then on hides what others write to the same page.
   */
  readonly readOnly?: boolean;
}

/**
 * A shared-memory object, mapped. It stays what it is while it is open, even when its name is removed or given to another object.
 *
 * When another program cuts the object short, and what is gone is touched, all of the memory reads as zeros from then on, and
 * {@link SharedMemory.damaged} says so; readers check what they read (`TargetTable.intact`).
 */
export class SharedMemory {
  /** Abandoned drafts are looked for once: a program may create thousands of objects. */
  static #hasTidied = false;
  static readonly #forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd));

  readonly name: string;
  /** The memory. Of length 0 once this is closed. */
  readonly buffer: ArrayBuffer;
  readonly #mapping: MappingBinding;
  #fd: number | undefined;

  private constructor(name: string, fd: number, writable: boolean) {
    this.name = name;
    this.#fd = fd;
    const { Mapping } = binding();
    const { size } = fstatSync(fd);
    try {
      if (size === 0) throw new NativeError('ENODATA', 'mapping', `${subjectOf(name)}: it is empty`);
      this.#mapping = new Mapping(fd, size, writable);
    } catch (error) {
      closeSync(fd);
      throw error instanceof NativeError ? error : nativeError(subjectOf(name), error);
    }
    this.buffer = this.#mapping.buffer;
    SharedMemory.#forgotten.register(this, fd, this);
  }

  /** As {@link createLocked}, and closes it. */
  static create(name: string, size: number, fill: (buffer: ArrayBuffer) => void): void {
    SharedMemory.createLocked(name, size, fill).close();
  }

  /**
   * Creates an object of `size` octets, all zero, lets `fill` write it, and then gives it its name, all at once: whoever opens the name finds
   * a whole object, the one before or this one. Programs that have mapped the one before keep it.
   *
   * @returns the object, locked before anybody could open it, until it is closed
   * @throws {@link NativeError} `ENOSPC` when /dev/shm is full, `EEXIST`, `EACCES`, …, or what `fill` throws; nothing has changed then
   */
  static createLocked(
    name: string,
    size: number,
    fill: (buffer: ArrayBuffer) => void,
    { replace = true }: CreateOptions = {},
  ): SharedMemory {
    const path = pathOf(name);
    if (!SharedMemory.#hasTidied) removeAbandonedDrafts(FOLDER);
    SharedMemory.#hasTidied = true;
    const draft = attempt('creating', name, path, () => openDraft(FOLDER, MODE));
    try {
      const memory = SharedMemory.#fillDraft(name, size, fill, draft.fd);
      try {
        attempt(replace ? 'replacing' : 'creating', name, path, () =>
          replace ? renameSync(draft.path, path) : linkSync(draft.path, path),
        );
      } catch (error) {
        memory.close();
        throw error;
      }
      return memory;
    } finally {
      // Renamed, it is there no more.
      rmSync(draft.path, { force: true });
    }
  }

  static #fillDraft(name: string, size: number, fill: (buffer: ArrayBuffer) => void, fd: number): SharedMemory {
    try {
      binding().allocate(fd, size);
    } catch (error) {
      closeSync(fd);
      throw nativeError(subjectOf(name), error, { ENOSPC: `${FOLDER} has no room for its ${size} octets` });
    }
    const memory = new SharedMemory(name, fd, true);
    try {
      fill(memory.buffer);
    } catch (error) {
      memory.close();
      throw error;
    }
    return memory;
  }

  /**
   * Opens an object that root or this process's own user made, and nobody else may write to ({@link checkOwner}).
   *
   * @throws {@link NativeError} `ENOENT`, `EACCES`, `EPERM` for another user's, …
   */
  static open(name: string, { readOnly = false }: OpenOptions = {}): SharedMemory {
    const path = pathOf(name);
    // A pipe of that name would have us wait for its other end.
    const fd = open(name, path, (readOnly ? O_RDONLY : O_RDWR) | O_NONBLOCK);
    try {
      const stats = fstatSync(fd);
      if (!stats.isFile()) throw new NativeError('EINVAL', 'opening', `${subjectOf(name)}: ${path} is not a file`);
      checkOwner(subjectOf(name), name, path, stats);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    return new SharedMemory(name, fd, !readOnly);
  }

  /** Removes the name; the object goes with its last user. None of that name is no error. */
  static unlink(name: string): void {
    const path = pathOf(name);
    attempt('deleting', name, path, () => rmSync(path, { force: true }));
  }

  /** Tells objects apart: another one of the same name, or the same one with another size, has another identity. `undefined` when there is none. */
  static identity(name: string): string | undefined {
    const stat = statSync(pathOf(name), { throwIfNoEntry: false });
    return stat && identityOf(stat);
  }

  /** Whether a part of it that was cut off has been touched: open it again. */
  get damaged(): boolean {
    return this.#mapping.damaged;
  }

  /** As {@link SharedMemory.identity}, of this object as it is now. */
  get identity(): string {
    return identityOf(fstatSync(this.#descriptor()));
  }

  /**
   * Does `work` while no other program holds this lock. The kernel takes it back when a program dies.
   *
   * @throws {@link NativeError} `ETIMEDOUT` when another holds it for longer than `milliseconds`
   */
  locked<T>(milliseconds: number, work: () => T): T {
    this.lock(milliseconds);
    try {
      return work();
    } finally {
      binding().unlock(this.#descriptor());
    }
  }

  /** Takes the lock until this is closed. Throws as {@link locked}. */
  lock(milliseconds: number): void {
    try {
      binding().lock(this.#descriptor(), milliseconds);
    } catch (error) {
      throw nativeError(subjectOf(this.name), error, { ETIMEDOUT: `another program has locked it for more than ${milliseconds} ms` });
    }
  }

  /**
   * Takes the lock until this is closed, or its process ends: says that the object is in use.
   *
   * @returns false when another has it
   */
  hold(): boolean {
    const fd = this.#descriptor();
    try {
      binding().lock(fd, 0);
      return true;
    } catch (error) {
      const failure = nativeError(subjectOf(this.name), error);
      if (failure.code === 'ETIMEDOUT') return false;
      throw failure;
    }
  }

  /** Lets others see, for as long as this is open, that a program of this network namespace uses the object ({@link isUsedElsewhere}). */
  markUse(): void {
    const fd = this.#descriptor();
    try {
      binding().markUse(fd, networkNamespace());
    } catch (error) {
      throw nativeError(subjectOf(this.name), error);
    }
  }

  /** Whether a program of any network namespace has marked it. */
  get isUsed(): boolean {
    try {
      return binding().isUsedElsewhere(this.#descriptor(), 0);
    } catch (error) {
      throw nativeError(subjectOf(this.name), error);
    }
  }

  /** Whether a program of another network namespace has marked it: another container, perhaps, with the same /dev/shm. */
  get isUsedElsewhere(): boolean {
    const fd = this.#descriptor();
    try {
      return binding().isUsedElsewhere(fd, networkNamespace());
    } catch (error) {
      throw nativeError(subjectOf(this.name), error);
    }
  }

  close(): void {
    if (this.#fd === undefined) return;
    SharedMemory.#forgotten.unregister(this);
    this.#mapping.close();
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  #descriptor(): number {
    if (this.#fd === undefined) throw new NativeError('EBADF', 'using closed memory', `${subjectOf(this.name)}: it is closed`);
    return this.#fd;
  }
}

/** Not by the times of the file: a page that is written for the first time through a mapping moves them. */
function identityOf({ dev, ino, size }: { dev: number; ino: number; size: number }): string {
  return `${dev}:${ino}:${size}`;
}

function subjectOf(name: string): string {
  return `shared memory ${name}`;
}

/** As shm_open(3) reads names: a slash before them is none of them. */
function pathOf(name: string): string {
  const file = name.startsWith('/') ? name.slice(1) : name;
  if (file === '' || file === '.' || file === '..' || /[/\0]/.test(file) || Buffer.byteLength(file) > NAME_MAX) {
    throw new NativeError(
      'EINVAL',
      'naming',
      `${subjectOf(JSON.stringify(name))}: a name has 1 to ${NAME_MAX} octets, none of them a slash`,
    );
  }
  return `${FOLDER}/${file}`;
}

function open(name: string, path: string, flags: number): number {
  return attempt('opening', name, path, () => openSync(path, flags | O_NOFOLLOW, MODE));
}

/** Does a system call on the file of that name. */
function attempt<T>(what: string, name: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
    throw new NativeError(code, what, `${subjectOf(name)}: ${whyNot(what, code, path) ?? message}`, { cause: error });
  }
}

function whyNot(what: string, code: string, path: string): string | undefined {
  switch (code) {
    case 'ENOENT':
      return 'no such object';
    case 'EEXIST':
      return 'it exists already';
    case 'EPERM':
    case 'EACCES':
      // The folder is sticky: only its owner (and root) may replace a file.
      if (what === 'replacing' || what === 'deleting') return `cannot be ${what === 'replacing' ? 'replaced' : 'deleted'}${ownerOf(path)}`;
      return code === 'EACCES' ? `permission denied${ownerOf(path)}` : undefined;
    case 'ENOSPC':
      return `${FOLDER} is full`;
    default:
      return undefined;
  }
}

/** Its number, one for each of the machine that there is. */
function networkNamespace(): number {
  return statSync('/proc/self/ns/net').ino;
}

function ownerOf(path: string): string {
  try {
    return `: it belongs to ${userName(lstatSync(path).uid)}`;
  } catch {
    // Gone meanwhile.
    return '';
  }
}
