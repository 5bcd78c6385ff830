// Where the matrix is kept: the last run's as JSON, and published in docs/behaviours.json, docs/behaviours.md and the README.

import { fileURLToPath } from 'node:url';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));

/** Where the last run's matrix is stored as JSON, with a Markdown copy next to it. */
export const LAST_RUN: string = path('../../build/behaviours.json');

/** What `pnpm matrix` publishes: the matrix as JSON, the page that shows it, and the README, which has the count. */
export const PUBLISHED: string = path('../../../../docs/behaviours.json');
export const PAGE: string = path('../../../../docs/behaviours.md');
export const README: string = path('../../../../README.md');

const GENERATED = /(<!-- behaviours: made by pnpm matrix -->)([\s\S]*?)(<!-- end of behaviours -->)/;

/** The text between the marks in a page. */
export function generatedIn(page: string): string | undefined {
  return GENERATED.exec(page)?.[2];
}

/**
 * @param name of the page, for the message
 * @throws Error if the marks are missing
 */
export function replaceGenerated(page: string, generated: string, name: string): string {
  if (!GENERATED.test(page)) throw new Error(`${name}: missing marks “behaviours: made by pnpm matrix” and “end of behaviours”`);
  return page.replace(GENERATED, (_, begin: string, _old: string, end: string) => `${begin}${generated}${end}`);
}
