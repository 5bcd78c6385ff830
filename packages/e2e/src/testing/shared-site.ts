import { afterAll, beforeAll } from 'vitest';
import { Site, type SiteOptions } from '../docker/site.js';

/** In a `describe`: a site for all of its tests, there while they run. */
export function sharedSite(options: SiteOptions): () => Site {
  let site: Site | undefined;
  beforeAll(async () => {
    site = await Site.create(options);
  });
  afterAll(async () => {
    await site?.[Symbol.asyncDispose]();
  });
  return () => {
    if (!site) throw new Error('the site is there only while tests run');
    return site;
  };
}
