import manifest from '../package.json' with { type: 'json' };

/** What `version` prints, in both programs. */
export const VERSION: string = `nfqlb-${manifest.version}`;
