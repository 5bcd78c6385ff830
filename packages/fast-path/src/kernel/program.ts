import { FastPathError } from '../fast-path-error.js';
import { ELEMENT_WORDS, type MapName } from '../layout.js';
import { OBJECT } from '../program/object.js';
import { ArrayMap } from './array-map.js';
import { loadProgram } from './bpf-command.js';
import { type ElfObject, readElfObject } from './elf-object.js';
import { systemError } from './system-error.js';

/** As tools show it: 15 characters at most. */
export const PROGRAM_NAME = 'nfqlb_fast';

/** Section of the object. */
const SECTION = 'tc';

/** A load of a map's address: the source register says that the immediate value is a descriptor (kernel: Documentation/bpf/instruction-set). */
const BPF_PSEUDO_MAP_FD = 1;

const LOG_LENGTH = 1 << 20;
const SHOWN_LINES = 5;

let object: ElfObject | undefined;

function theObject(): ElfObject {
  object ??= readElfObject(Buffer.from(OBJECT, 'base64'), SECTION);
  return object;
}

export type Maps = Readonly<Record<MapName, ArrayMap>>;

/**
 * Makes the program's maps.
 *
 * @param entries by map, at least 1
 * @throws {@link FastPathError}
 */
export function createMaps(entries: Readonly<Record<MapName, number>>): Maps {
  const maps: Partial<Record<MapName, ArrayMap>> = {};
  try {
    for (const definition of theObject().maps) {
      const name = definition.name as MapName;
      if (definition.valueSize !== 4 * ELEMENT_WORDS[name]) throw new Error(`the map ${name} differs between program/ and layout.ts`);
      maps[name] = new ArrayMap(definition, entries[name]);
    }
  } catch (error) {
    for (const map of Object.values(maps)) map.close();
    throw error;
  }
  return maps as Maps;
}

/**
 * Loads the program with these maps.
 *
 * @returns a descriptor
 * @throws {@link FastPathError} `rejected` by the verifier, or another
 */
export function loadFastPath(maps: Maps): number {
  const { instructions, references, license, maps: definitions } = theObject();
  const linked = instructions.slice();
  const view = new DataView(linked.buffer);
  for (const { offset, map } of references) {
    linked[offset + 1]! |= BPF_PSEUDO_MAP_FD << 4;
    view.setUint32(offset + 4, maps[definitions[map]!.name as MapName].fd, true);
  }
  try {
    return loadProgram(PROGRAM_NAME, linked, license);
  } catch (error) {
    throw rejection(linked, license) ?? systemError('loading the program', error);
  }
}

/** Why the verifier rejects a program; `undefined` if it was not the verifier. */
function rejection(instructions: Uint8Array, license: string): FastPathError | undefined {
  const log = new Uint8Array(LOG_LENGTH);
  let cause: unknown;
  try {
    loadProgram(PROGRAM_NAME, instructions, license, log);
  } catch (error) {
    cause = error;
  }
  const lines = Buffer.from(log.buffer, 0, Math.max(0, log.indexOf(0)))
    .toString()
    .trim()
    .split('\n')
    .filter((line) => line !== '');
  if (lines.length === 0) return undefined;
  const shown = lines.slice(-SHOWN_LINES);
  // The very last line counts what the verifier did.
  const verdict = shown.findLast((line) => !line.startsWith('processed ')) ?? shown[0]!;
  return new FastPathError(
    'rejected',
    `this kernel's verifier rejects the program: ${verdict}; please report it, with the kernel’s version`,
    {
      log: shown,
      cause,
    },
  );
}
