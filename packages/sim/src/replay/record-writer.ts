import { OutputFile } from '../output-file.js';

/** Octets buffered before they are written. */
const CHUNK = 1 << 16;
/** Most octets that a UTF-16 code unit becomes in UTF-8. */
const MOST_OCTETS = 3;

/** Writes lines to a file, or to standard output, in large chunks and in order. */
export class RecordWriter {
  readonly #file: OutputFile;
  readonly #pending = Buffer.allocUnsafe(CHUNK);
  #length = 0;

  /** @param path as of {@link OutputFile} */
  constructor(path: string) {
    this.#file = new OutputFile(path);
  }

  write(line: string): void {
    const most = line.length * MOST_OCTETS + 1;
    if (most > CHUNK) {
      this.writeOctets(Buffer.from(`${line}\n`));
      return;
    }
    if (this.#length + most > CHUNK) this.#flush();
    this.#length += this.#pending.write(line, this.#length);
    this.#pending[this.#length++] = 0x0a;
  }

  /** Writes a line that is already encoded, with its end. */
  writeOctets(octets: Uint8Array): void {
    if (this.#length + octets.length > CHUNK) this.#flush();
    if (octets.length > CHUNK) {
      this.#file.write(octets);
      return;
    }
    this.#pending.set(octets, this.#length);
    this.#length += octets.length;
  }

  close(): void {
    this.#flush();
    this.#file.close();
  }

  #flush(): void {
    this.#file.write(this.#pending.subarray(0, this.#length));
    this.#length = 0;
  }
}
