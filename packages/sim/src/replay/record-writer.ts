import { OutputFile } from '../output-file.js';

/** Octets buffered before they are written. */
const CHUNK = 1 << 16;

/** Writes lines to a file, or to standard output, in large chunks and in order. */
export class RecordWriter {
  readonly #file: OutputFile;
  #pending = '';

  /** @param path as of {@link OutputFile} */
  constructor(path: string) {
    this.#file = new OutputFile(path);
  }

  write(line: string): void {
    this.#pending += `${line}\n`;
    if (this.#pending.length >= CHUNK) this.#flush();
  }

  close(): void {
    this.#flush();
    this.#file.close();
  }

  #flush(): void {
    this.#file.write(Buffer.from(this.#pending));
    this.#pending = '';
  }
}
