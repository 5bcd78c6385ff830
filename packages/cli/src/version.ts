import manifest from '../package.json' with { type: 'json' };

/** What `version` says, of both programs. */
export const VERSION: string = `nfqlb-${manifest.version}`;
