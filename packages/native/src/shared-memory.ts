// POSIX shared memory: on Linux, shm_open(3) opens files in /dev/shm. So files they are here; what Node lacks is mapping and locking.

import { closeSync, fstatSync, ftruncateSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { binding } from './binding.js';
import { NativeError, nativeError } from './native-error.js';

const FOLDER = '/dev/shm';
/** As C nfqlb has it: only the owner may read and write. */
const MODE = 0o600;

/** Longest name of a file. */
const NAME_MAX = 255;

/**
 * A shared-memory object, mapped. It stays what it is while it is open, even when its name is removed or given to another object.
 *
 * When another program cuts the object short, what is lost reads as zeros; readers check what they read (`TargetTable.intact`).
 */
export class SharedMemory {
  static readonly #forgotten = new FinalizationRegistry<number>((fd) => closeSync(fd));

  readonly name: string;
  /** The memory. Of length 0 once this is closed. */
  readonly buffer: ArrayBuffer;
  readonly #fd: number;

  private constructor(name: string, fd: number) {
    this.name = name;
    this.#fd = fd;
    const { size } = fstatSync(fd);
    try {
      if (size === 0) throw new NativeError('ENODATA', 'mapping shared memory', `shared memory ${name}: it is empty`);
      this.buffer = binding().map(fd, size);
    } catch (error) {
      closeSync(fd);
      throw error instanceof NativeError ? error : nativeError(error);
    }
    SharedMemory.#forgotten.register(this, fd, this);
  }

  /**
   * Creates an object of `size` octets, all zero, lets `fill` write it, and then gives it its name, all at once: whoever opens the name finds
   * a whole object, the one before or this one, and who has mapped the one before keeps it.
   *
   * @throws {@link NativeError}, or what `fill` throws; nothing has changed then
   */
  static create(name: string, size: number, fill: (buffer: ArrayBuffer) => void): void {
    const path = pathOf(name);
    const draft = `${path.slice(0, FOLDER.length + 200)}.${process.pid}.new`;
    const fd = open(name, draft, 'wx+');
    try {
      ftruncateSync(fd, size);
      const memory = new SharedMemory(name, fd);
      try {
        fill(memory.buffer);
        renameSync(draft, path);
      } finally {
        memory.close();
      }
    } catch (error) {
      rmSync(draft, { force: true });
      throw error;
    }
  }

  /** @throws {@link NativeError} `ENOENT`, `EACCES`, … */
  static open(name: string): SharedMemory {
    return new SharedMemory(name, open(name, pathOf(name), 'r+'));
  }

  /** Removes the name; the object goes with its last user. None of that name is no error. */
  static unlink(name: string): void {
    rmSync(pathOf(name), { force: true });
  }

  /** Tells objects apart: another one of the same name, or the same one written anew, has another identity. `undefined` when there is none. */
  static identity(name: string): string | undefined {
    const stat = statSync(pathOf(name), { throwIfNoEntry: false });
    return stat && identityOf(stat);
  }

  /** As {@link SharedMemory.identity}, of this object as it is now. */
  get identity(): string {
    return identityOf(fstatSync(this.#fd));
  }

  /**
   * Does `work` while no other program holds this lock. The kernel takes it back when a program dies.
   *
   * @throws {@link NativeError} `ETIMEDOUT` when another holds it for longer than `milliseconds`
   */
  locked<T>(milliseconds: number, work: () => T): T {
    try {
      binding().lock(this.#fd, milliseconds);
    } catch (error) {
      throw nativeError(error, { ETIMEDOUT: `another program has locked ${this.name} for more than ${milliseconds} ms` });
    }
    try {
      return work();
    } finally {
      binding().unlock(this.#fd);
    }
  }

  close(): void {
    SharedMemory.#forgotten.unregister(this);
    binding().unmap(this.buffer);
    closeSync(this.#fd);
  }
}

/** A file's change time moves when it is written or cut short, but not when its mapped memory is changed. */
function identityOf({ dev, ino, ctimeMs, size }: { dev: number; ino: number; ctimeMs: number; size: number }): string {
  return `${dev}:${ino}:${ctimeMs}:${size}`;
}

function pathOf(name: string): string {
  if (name === '' || name === '.' || name === '..' || name.includes('/') || name.includes('\0') || Buffer.byteLength(name) > NAME_MAX) {
    throw new NativeError(
      'EINVAL',
      'naming shared memory',
      `shared memory ${JSON.stringify(name)}: a name has 1 to ${NAME_MAX} octets, none of them a slash`,
    );
  }
  return `${FOLDER}/${name}`;
}

function open(name: string, path: string, flags: string): number {
  try {
    return openSync(path, flags, MODE);
  } catch (error) {
    const { code = 'UNKNOWN', message } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'there is none of that name' : code === 'EACCES' ? 'permission denied' : message;
    throw new NativeError(code, 'opening shared memory', `shared memory ${name}: ${why}`, { cause: error });
  }
}
