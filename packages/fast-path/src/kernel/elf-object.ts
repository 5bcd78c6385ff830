// Reads the object that clang makes of program/fast-path.bpf.c: ELF, 64 bits, little-endian (System V ABI, chapter 4). The object is a part of this
// package, so a fault in it is a bug.

/** A map as `struct map_definition` defines it. */
export interface MapDefinition {
  readonly name: string;
  readonly type: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly flags: number;
}

export interface ElfObject {
  /** Instructions of 8 octets; those that name maps are incomplete. */
  readonly instructions: Uint8Array;
  readonly license: string;
  readonly maps: readonly MapDefinition[];
  /** Offset of each instruction that loads a map's address, and the index of the map. */
  readonly references: readonly { readonly offset: number; readonly map: number }[];
}

interface Section {
  readonly name: string;
  readonly type: number;
  readonly info: number;
  readonly bytes: DataView;
}

/** Section types. */
const SHT_SYMTAB = 2;
const SHT_REL = 9;
/** The relocation of a 64-bit load that names a symbol (kernel: Documentation/bpf/llvm_reloc.rst). */
const R_BPF_64_64 = 1;

const SYMBOL_LENGTH = 24;
const RELOCATION_LENGTH = 16;
const DEFINITION_LENGTH = 20;

/** @param program name of the section with the program */
export function readElfObject(object: Uint8Array, program: string): ElfObject {
  const sections = readSections(new DataView(object.buffer, object.byteOffset, object.byteLength));
  const find = (matches: (section: Section) => boolean, what: string): Section => {
    const section = sections.find(matches);
    if (section === undefined) throw new Error(`the program's object has no ${what}`);
    return section;
  };
  const text = find(({ name }) => name === program, `section ${program}`);
  const symbols = find(({ type }) => type === SHT_SYMTAB, 'symbols').bytes;
  const strings = find(({ name }) => name === '.strtab', 'names').bytes;
  const definitions = find(({ name }) => name === 'maps', 'maps');

  const maps: MapDefinition[] = [];
  /** By number of a symbol: the index of its map. */
  const mapOf = new Map<number, number>();
  for (let symbol = 0; symbol * SYMBOL_LENGTH < symbols.byteLength; symbol++) {
    const at = symbol * SYMBOL_LENGTH;
    if (sections[symbols.getUint16(at + 6, true)] !== definitions) continue;
    const begin = Number(symbols.getBigUint64(at + 8, true));
    if (begin + DEFINITION_LENGTH > definitions.bytes.byteLength) continue;
    const word = (index: number): number => definitions.bytes.getUint32(begin + 4 * index, true);
    mapOf.set(symbol, maps.length);
    maps.push({ name: nameAt(strings, symbols.getUint32(at, true)), type: word(0), keySize: word(1), valueSize: word(2), flags: word(4) });
  }

  const relocations = find(({ type, info }) => type === SHT_REL && sections[info] === text, 'relocations').bytes;
  const references = [];
  for (let at = 0; at < relocations.byteLength; at += RELOCATION_LENGTH) {
    const map = mapOf.get(relocations.getUint32(at + 12, true));
    if (relocations.getUint32(at + 8, true) !== R_BPF_64_64 || map === undefined) {
      throw new Error('the program’s object wants more linking than naming maps');
    }
    references.push({ offset: Number(relocations.getBigUint64(at, true)), map });
  }
  const license = nameAt(find(({ name }) => name === 'license', 'license').bytes, 0);
  return { instructions: octetsOf(text.bytes), license, maps, references };
}

function readSections(file: DataView): Section[] {
  const begin = Number(file.getBigUint64(0x28, true));
  const size = file.getUint16(0x3a, true);
  const count = file.getUint16(0x3c, true);
  const headers = Array.from({ length: count }, (_, i) => begin + i * size);
  const bytesOf = (header: number): DataView =>
    new DataView(
      file.buffer,
      file.byteOffset + Number(file.getBigUint64(header + 0x18, true)),
      Number(file.getBigUint64(header + 0x20, true)),
    );
  const names = bytesOf(headers[file.getUint16(0x3e, true)]!);
  return headers.map((header) => ({
    name: nameAt(names, file.getUint32(header, true)),
    type: file.getUint32(header + 4, true),
    info: file.getUint32(header + 0x2c, true),
    bytes: bytesOf(header),
  }));
}

function octetsOf(view: DataView): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}

/** A name that ends with a zero octet. */
function nameAt(strings: DataView, at: number): string {
  const octets = octetsOf(strings).subarray(at);
  return String.fromCharCode(...octets.subarray(0, octets.indexOf(0)));
}
