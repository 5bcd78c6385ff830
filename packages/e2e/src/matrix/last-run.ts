import { fileURLToPath } from 'node:url';

/** Where the last run's matrix is stored as JSON, with a Markdown copy next to it. */
export const LAST_RUN: string = fileURLToPath(new URL('../../build/behaviours.json', import.meta.url));
