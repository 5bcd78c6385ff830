// Tells other programs at once that a table was changed: inotify(7) reports changed file times, but not writes through a mapping.
//
// Only a hint, so that nobody has to wait: C nfqlb gives none, and a watch may not be possible. Whoever needs every change must look, too.

import { type FSWatcher, utimesSync, watch } from 'node:fs';

/** Where shm_open(3) keeps its objects. */
const FOLDER = '/dev/shm';

/** Gives notice of a change that is complete. */
export function giveNotice(table: string): void {
  const now = new Date();
  try {
    utimesSync(`${FOLDER}/${table.replace(/^\//, '')}`, now, now);
  } catch {
    // Deleted meanwhile.
  }
}

/** Notices of changed, created and deleted tables. */
export class ChangeNotices {
  readonly #watcher: FSWatcher | undefined;

  /** @param onChange called with the name of the shared memory, which may be anything's */
  constructor(onChange: (name: string) => void) {
    try {
      this.#watcher = watch(FOLDER, { persistent: false }, (_event, name) => {
        if (name !== null) onChange(name);
      });
      this.#watcher.on('error', () => {});
    } catch {
      // The user has too many watches (fs.inotify.max_user_watches, max_user_instances).
    }
  }

  close(): void {
    this.#watcher?.close();
  }
}
