// POSIX shared memory: on Linux, shm_open(3) opens files in /dev/shm, so plain files are used here; Node only lacks mapping, locking and
// preallocating.

import { closeSync, constants, fstatSync, linkSync, lstatSync, openSync, renameSync, rmSync, statSync, unlinkSync } from 'node:fs';
import { binding, type MappingBinding } from './binding.js';
import { openDraft, removeAbandonedDrafts } from './draft.js';
import { NativeError, nativeError } from './native-error.js';
import { checkOwner, userName } from './owner.js';

const FOLDER = '/dev/shm';
/** As in C nfqlb: only the owner may read and write. */
const MODE = 0o600;

/** Maximum length of a file name. */
const NAME_MAX = 255;

const { O_NOFOLLOW, O_NONBLOCK, O_RDONLY, O_RDWR } = constants;

export interface CreateOptions {
  /** Whether to replace an existing object; if not, it is an error. Default true. */
  readonly replace?: boolean;
}

export interface OpenOptions {
  /**
   * Open for reading only, which needs no write permission. Writes to the buffer stay in this process, and from then on hide what others
   * write to the same page.
   */
  readonly readOnly?: boolean;
}

/**
 * A mapped shared-memory object. It stays the same object while open, even if its name is removed or given to another object.
 *
 * If another program truncates the object and a lost page is accessed, all of the memory reads as zeros from then on, and
 * {@link SharedMemory.damaged} is true; readers check what they read (`TargetTable.intact`).
 */
export class SharedMemory {
  /** Look for abandoned drafts only once: a program may create thousands of objects. */
  static #hasTidied = false;
  static readonly #leaked = new FinalizationRegistry<number>((fd) => closeSync(fd));

  readonly name: string;
  /** The memory. Its length is 0 once this is closed. */
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
    SharedMemory.#leaked.register(this, fd, this);
  }

  /** Like {@link createLocked}, and closes it. */
  static create(name: string, size: number, fill: (buffer: ArrayBuffer) => void): void {
    SharedMemory.createLocked(name, size, fill).close();
  }

  /**
   * Creates a zeroed object of `size` octets, lets `fill` write it, then gives it its name atomically: opening the name always finds a
   * complete object, the previous or this one. Programs that have mapped the previous one keep it.
   *
   * @returns the object, locked before anybody else can open it, until it is closed
   * @throws {@link NativeError} `ENOSPC` when /dev/shm is full, `EEXIST`, `EACCES`, …, or what `fill` throws; nothing has changed in that
   *   case
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
      // After a rename it no longer exists.
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
   * Opens an object that is owned by root or this process's user, and that nobody else may write to ({@link checkOwner}).
   *
   * @throws {@link NativeError} `ENOENT`, `EACCES`, `EPERM` for another user's, …
   */
  static open(name: string, { readOnly = false }: OpenOptions = {}): SharedMemory {
    const path = pathOf(name);
    // Without O_NONBLOCK, a pipe with that name would block until its other end is opened.
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

  /** Removes the name; the object is freed with its last user. Not an error if there is no such object. */
  static unlink(name: string): void {
    const path = pathOf(name);
    attempt('deleting', name, path, () => {
      try {
        // Not rmSync, which takes a file that may not be deleted for a folder.
        unlinkSync(path);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
      }
    });
  }

  /**
   * Tells objects apart: another object with the same name, or the same object with another size, has another identity. `undefined` if none
   * exists.
   */
  static identity(name: string): string | undefined {
    const stat = statSync(pathOf(name), { throwIfNoEntry: false });
    return stat && identityOf(stat);
  }

  /** Whether a truncated part has been accessed: if so, reopen it. */
  get damaged(): boolean {
    return this.#mapping.damaged;
  }

  /** Like {@link SharedMemory.identity}, of this object as it is now. */
  get identity(): string {
    return identityOf(fstatSync(this.#descriptor()));
  }

  /**
   * Does `work` while holding the object's lock. The kernel releases it when a program dies.
   *
   * @throws {@link NativeError} `ETIMEDOUT` if another program holds it for longer than `milliseconds`
   */
  locked<T>(milliseconds: number, work: () => T): T {
    this.lock(milliseconds);
    try {
      return work();
    } finally {
      binding().unlock(this.#descriptor());
    }
  }

  /** Takes the lock until this is closed. Throws like {@link locked}. */
  lock(milliseconds: number): void {
    try {
      binding().lock(this.#descriptor(), milliseconds);
    } catch (error) {
      throw nativeError(subjectOf(this.name), error, { ETIMEDOUT: `another program has locked it for more than ${milliseconds} ms` });
    }
  }

  /**
   * Takes the lock until this is closed or the process ends, to show that the object is in use.
   *
   * @returns false if it is already held
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

  /** Marks the object, while this is open, as used by a program in this network namespace ({@link isUsedElsewhere}). */
  markUse(): void {
    const fd = this.#descriptor();
    try {
      binding().markUse(fd, networkNamespace());
    } catch (error) {
      throw nativeError(subjectOf(this.name), error);
    }
  }

  /** Whether a program in any network namespace has marked it. */
  get isUsed(): boolean {
    try {
      return binding().isUsedElsewhere(this.#descriptor(), 0);
    } catch (error) {
      throw nativeError(subjectOf(this.name), error);
    }
  }

  /** Whether a program in another network namespace has marked it, such as another container with the same /dev/shm. */
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
    SharedMemory.#leaked.unregister(this);
    this.#mapping.close();
    closeSync(this.#fd);
    this.#fd = undefined;
  }

  #descriptor(): number {
    if (this.#fd === undefined) throw new NativeError('EBADF', 'using closed memory', `${subjectOf(this.name)}: it is closed`);
    return this.#fd;
  }
}

/** Does not use the file's times: the first write to a page through a mapping changes them. */
function identityOf({ dev, ino, size }: { dev: number; ino: number; size: number }): string {
  return `${dev}:${ino}:${size}`;
}

function subjectOf(name: string): string {
  return `shared memory ${name}`;
}

/** As in shm_open(3), a leading slash is not part of the name. */
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
  try {
    return attempt('opening', name, path, () => openSync(path, flags | O_NOFOLLOW, MODE));
  } catch (error) {
    // A load balancer of root's may not open what others keep to themselves (keepOnly), and refuses it all the same, for the same reason.
    const isKept = (error as NativeError).code === 'EACCES' && process.geteuid!() === 0;
    const stats = isKept ? lstatSync(path, { throwIfNoEntry: false }) : undefined;
    if (stats) checkOwner(subjectOf(name), name, path, stats);
    throw error;
  }
}

/** Does a file operation on that object, and converts its error. */
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
      return 'it already exists';
    case 'EPERM':
    case 'EACCES':
      // The folder is sticky: only a file's owner (and root) may replace it.
      if (what === 'replacing' || what === 'deleting') return `cannot be ${what === 'replacing' ? 'replaced' : 'deleted'}${ownerOf(path)}`;
      return code === 'EACCES' ? `permission denied${ownerOf(path)}` : undefined;
    case 'ENOSPC':
      return `${FOLDER} is full`;
    default:
      return undefined;
  }
}

/** The number of this network namespace, unique on the machine. */
function networkNamespace(): number {
  return statSync('/proc/self/ns/net').ino;
}

function ownerOf(path: string): string {
  try {
    return `: it belongs to ${userName(lstatSync(path).uid)}`;
  } catch {
    // Removed in the meantime.
    return '';
  }
}
