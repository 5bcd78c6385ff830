// Where the fast path pins its objects: a folder in a BPF file system, and in it one for each interface, by the numbers of its network namespace and of
// the interface itself. (Names of interfaces may contain dots, which names there cannot.)

import { mkdirSync, statfsSync, statSync } from 'node:fs';
import { FastPathError } from './fast-path-error.js';
import { systemError } from './kernel/system-error.js';

/** The default folder. */
export const FAST_PATH_FOLDER = '/sys/fs/bpf/nfqlb';

/** Names of pins: a link of TCX, or the program that a filter of clsact uses. */
export const TCX_PIN = 'link';
export const CLSACT_PIN = 'program';

/** `BPF_FS_MAGIC` (linux/magic.h) */
const BPF_FS_MAGIC = 0xcafe4a11;

export function networkNamespace(): number {
  return statSync('/proc/thread-self/ns/net').ino;
}

/** The folder for the pins of an interface in this network namespace. */
export function pinsOf(folder: string, interfaceIndex: number): string {
  return `${folder}/net${networkNamespace()}_if${interfaceIndex}`;
}

/** Reads the numbers in a name that {@link pinsOf} gave; `undefined` for other names. */
export function parsePins(name: string): { readonly namespace: number; readonly interfaceIndex: number } | undefined {
  const [, namespace, index] = /^net(\d+)_if(\d+)$/.exec(name) ?? [];
  return index === undefined ? undefined : { namespace: Number(namespace), interfaceIndex: Number(index) };
}

/**
 * Makes the folder, if it does not exist.
 *
 * @throws {@link FastPathError} `no-bpffs`, `not-permitted`
 */
export function openFolder(folder: string): void {
  const parent = folder.slice(0, folder.lastIndexOf('/')) || '/';
  try {
    const place = statSync(folder, { throwIfNoEntry: false }) === undefined ? parent : folder;
    if (statSync(place, { throwIfNoEntry: false }) === undefined || statfsSync(place).type !== BPF_FS_MAGIC) {
      throw new FastPathError('no-bpffs', `${folder} is not in a BPF file system; as root: mount -t bpf bpf /sys/fs/bpf`);
    }
    if (place === parent) mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as { code?: string }).code === 'EEXIST') return;
    throw systemError(`making ${folder}`, error);
  }
}
