import { writeSync } from 'node:fs';

let command = 'lb';

/** Whose log this is. */
export function nameLog(name: string): void {
  command = name;
}

/** One line of the daemon's log, on stderr. Nothing is lost when the process ends right after; nobody listening is no error. */
export function log(message: string): void {
  try {
    writeSync(2, `nfqlb ${command}: ${message}\n`);
  } catch {
    // There is nobody to tell.
  }
}
