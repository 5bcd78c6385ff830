import { afterAll, beforeAll } from 'vitest';
import { Site, type SiteOptions } from '../docker/site.js';

/** In a `describe`: a site for all of its tests while they run; `prepare` runs last in its set-up. */
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
    if (!site) throw new Error('the site exists only while tests run');
    return site;
  };
}
