import { closeSync, constants, fstatSync, openSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';

/** Where the tables are, too: what is remembered lives as long as they do. */
const FOLDER = '/dev/shm';

/** As for tables: only the owner may read and write. */
const MODE = 0o600;
const OTHERS_MAY_WRITE = 0o022;

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** A text that outlives this process: what a source has said, for a start while it cannot be asked. */
export class Remembered {
  readonly path: string;
  #text: string | undefined;

  constructor(name: string) {
    this.path = `${FOLDER}/${name}`;
  }

  /** `undefined` if there is none, or somebody else may have written it. */
  read(): string | undefined {
    let fd: number;
    try {
      fd = openSync(this.path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    } catch {
      return undefined;
    }
    try {
      const { uid, mode } = fstatSync(fd);
      if ((uid !== 0 && uid !== process.geteuid!()) || (mode & OTHERS_MAY_WRITE) !== 0) return undefined;
      this.#text = readFileSync(fd, 'utf8');
      return this.#text;
    } catch {
      return undefined;
    } finally {
      closeSync(fd);
    }
  }

  /** Replaces it in one step. Resolves with what keeps it from being written, if anything does. */
  write(text: string): string | undefined {
    if (text === this.#text) return undefined;
    const draft = `${this.path}.new`;
    try {
      rmSync(draft, { force: true });
      writeFileSync(draft, text, { flag: 'wx', mode: MODE });
      renameSync(draft, this.path);
      this.#text = text;
      return undefined;
    } catch (error) {
      return `${this.path} cannot be written (${(error as NodeJS.ErrnoException).code})`;
    }
  }

  remove(): void {
    rmSync(this.path, { force: true });
  }
}
