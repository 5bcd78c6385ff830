import { FAST_PATH_FOLDER } from './fast-path.js';

/** A program that some process attached, now or before it ended. */
export interface AttachedProgram {
  /** Name of the interface; `undefined` if it has gone or is in another network namespace. */
  readonly interface: string | undefined;
  readonly by: 'tcx' | 'clsact';
  /** Whether the process that attached it is running. If not, its targets cannot change: `nfqlb lb --fast` takes it over. */
  readonly isManaged: boolean;
  /** Pins, to be removed by {@link removeProgram}. */
  readonly pins: string;
}

/** The programs pinned in a folder. For doctor and `down`. */
export function attachedPrograms(_folder: string = FAST_PATH_FOLDER): readonly AttachedProgram[] {
  throw new Error('to follow');
}

/** Detaches and removes a program, whether managed or not. @throws `FastPathError` */
export function removeProgram(_program: AttachedProgram): void {
  throw new Error('to follow');
}
