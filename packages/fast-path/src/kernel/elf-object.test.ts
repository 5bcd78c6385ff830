import { expect, test } from 'vitest';
import { ELEMENT_WORDS, type MapName } from '../layout.js';
import { OBJECT } from '../program/object.js';
import { readElfObject } from './elf-object.js';

const object = readElfObject(Buffer.from(OBJECT, 'base64'), 'tc');

/** linux/bpf.h */
const BPF_MAP_TYPE_ARRAY = 2;
const BPF_F_MMAPABLE = 1 << 10;
/** The first octet of a 64-bit load (BPF_LD | BPF_DW | BPF_IMM), and of the end of a program (BPF_JMP | BPF_EXIT). */
const LOAD = 0x18;
const EXIT = 0x95;

test('the program has the maps that layout.ts describes', () => {
  expect(Object.fromEntries(object.maps.map(({ name, valueSize }) => [name, valueSize / 4]))).toEqual(ELEMENT_WORDS);
  for (const { type, keySize, valueSize, flags } of object.maps) {
    expect([type, keySize, flags]).toEqual([BPF_MAP_TYPE_ARRAY, 4, BPF_F_MMAPABLE]);
    // Otherwise the elements would not lie where they are written.
    expect(valueSize % 8).toBe(0);
  }
});

test('its instructions load addresses of all maps, and end', () => {
  const { instructions, references, maps, license } = object;
  expect(instructions.length % 8).toBe(0);
  expect(Array.from({ length: instructions.length / 8 }, (_, i) => instructions[8 * i])).toContain(EXIT);
  for (const { offset } of references) expect(instructions[offset]).toBe(LOAD);
  expect(new Set(references.map(({ map }) => maps[map]!.name as MapName))).toEqual(new Set(Object.keys(ELEMENT_WORDS)));
  expect(license).toBe('Apache-2.0');
});

test('a section that is missing is named', () => {
  expect(() => readElfObject(Buffer.from(OBJECT, 'base64'), 'xdp')).toThrow("the program's object has no section xdp");
});
