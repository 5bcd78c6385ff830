// Where `pnpm bench:report` publishes: the page, its pictures, and the figures that both are made from.

import { fileURLToPath } from 'node:url';

const DOCS = '../../../../../docs/';
const path = (relative: string): string => fileURLToPath(new URL(DOCS + relative, import.meta.url));

export const PAGE: string = path('performance.md');
export const PUBLISHED: string = path('performance.json');
export const IMAGES: string = path('images');
