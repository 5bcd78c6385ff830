import { afterAll, beforeAll } from 'vitest';
import { Site, type SiteOptions } from '../docker/site.js';

/** In a `describe`: a site for all of its tests, there while they run; `prepare` has the last word on it. */
export function sharedSite(options: SiteOptions, prepare?: (site: Site) => Promise<void>): () => Site {
  let site: Site | undefined;
  beforeAll(async () => {
    site = await Site.create(options);
    await prepare?.(site);
  });
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
  });
  return () => {
    if (!site) throw new Error('the site is there only while tests run');
    return site;
  };
}
