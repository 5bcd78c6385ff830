import { fileURLToPath } from 'node:url';

/** Where the last run's matrix is kept: as JSON, and beside it as Markdown. */
export const LAST_RUN: string = fileURLToPath(new URL('../../build/behaviours.json', import.meta.url));
