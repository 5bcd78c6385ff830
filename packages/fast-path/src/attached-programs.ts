import { closeSync, openSync, readdirSync, readFileSync, rmdirSync, statSync } from 'node:fs';
import { interfaceIndex, tryLock } from '@nfqlb/native';
import { ClsactFilter } from './kernel/clsact-filter.js';
import { TcxLink } from './kernel/tcx-link.js';
import { CLSACT_PIN, FAST_PATH_FOLDER, networkNamespace, parsePins, TCX_PIN } from './pins.js';

/** A program that some process attached, now or before it ended. */
export interface AttachedProgram {
  /** Name of the interface; `undefined` if it has gone or is in another network namespace. */
  readonly interface: string | undefined;
  readonly by: 'tcx' | 'clsact';
  /** Whether the process that attached it is running. If not, its targets cannot change: `nfqlb lb --fast` takes it over. */
  readonly isManaged: boolean;
  /** Folder of its pins. */
  readonly pins: string;
}

/** The programs pinned in a folder; empty if there is no such folder. For doctor and `down`. */
export function attachedPrograms(folder: string = FAST_PATH_FOLDER): readonly AttachedProgram[] {
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  const interfaces = namesByIndex();
  return names.flatMap((name): AttachedProgram[] => {
    const parsed = parsePins(name);
    const pins = `${folder}/${name}`;
    const by = has(pins, TCX_PIN) ? 'tcx' : has(pins, CLSACT_PIN) ? 'clsact' : undefined;
    if (parsed === undefined || by === undefined) return [];
    const isHere = parsed.namespace === networkNamespace();
    return [{ interface: isHere ? interfaces.get(parsed.interfaceIndex) : undefined, by, isManaged: isLocked(pins), pins }];
  });
}

/** Detaches and removes a program, whether managed or not. @throws `FastPathError` */
export function removeProgram({ interface: name, by, pins }: AttachedProgram): void {
  if (by === 'tcx') TcxLink.open(`${pins}/${TCX_PIN}`)?.remove();
  else new ClsactFilter(name ?? '', `${pins}/${CLSACT_PIN}`).remove();
  try {
    rmdirSync(pins);
  } catch {
    // Somebody else's pins are in it.
  }
}

function has(pins: string, pin: string): boolean {
  return statSync(`${pins}/${pin}`, { throwIfNoEntry: false }) !== undefined;
}

function isLocked(pins: string): boolean {
  const fd = openSync(pins, 'r');
  try {
    return !tryLock(fd);
  } finally {
    closeSync(fd);
  }
}

/** The interfaces of this network namespace. */
function namesByIndex(): Map<number | undefined, string> {
  const names = readFileSync('/proc/thread-self/net/dev', 'utf8').matchAll(/^ *([^\s:|]+):/gm);
  return new Map(Array.from(names, ([, name]) => [interfaceIndex(name!), name!]));
}
