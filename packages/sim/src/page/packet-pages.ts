/** Packets of a page. */
export const PAGE = 500;

/** Where a page begins. */
interface Page {
  /** Frame number of its first packet. */
  readonly first: number;
  readonly records: Blob;
}

/**
 * Records of decided packets, one a line. In Blobs, which the browser keeps outside of the script's memory, and on disk if there are many: only the
 * page that is shown becomes objects.
 */
export class PacketPages {
  /** Packets. */
  count = 0;
  readonly #pages: Page[] = [];
  #first = 0;
  #open: string[] = [];

  /** Adds the record of a packet, of a frame. */
  add(record: string): void {
    if (this.#open.length === 0) this.#first = (JSON.parse(record) as { n: number }).n;
    this.#open.push(`${record}\n`);
    this.count++;
    if (this.#open.length === PAGE) this.end();
  }

  /** Call after the last packet. */
  end(): void {
    if (this.#open.length === 0) return;
    this.#pages.push({ first: this.#first, records: new Blob(this.#open) });
    this.#open = [];
  }

  get pages(): number {
    return this.#pages.length;
  }

  /** All records: what `nfqlb-sim replay --json` writes. */
  get all(): Blob {
    return new Blob(
      this.#pages.map(({ records }) => records),
      { type: 'application/jsonl' },
    );
  }

  async page(number: number): Promise<string[]> {
    return linesOf(await this.#pages[number]!.records.text());
  }

  /** Number of the page that has a frame, or would have it. */
  pageOf(frame: number): number {
    return Math.max(
      0,
      this.#pages.findLastIndex(({ first }) => first <= frame),
    );
  }

  /** The first records that contain a text, a page of them, and how many do. */
  async search(text: string): Promise<{ readonly found: string[]; readonly count: number }> {
    const found: string[] = [];
    let count = 0;
    for (const { records } of this.#pages) {
      for (const record of linesOf(await records.text())) {
        if (!record.includes(text)) continue;
        count++;
        if (found.length < PAGE) found.push(record);
      }
    }
    return { found, count };
  }
}

function linesOf(text: string): string[] {
  return text.trimEnd().split('\n');
}
