import manifest from '../package.json' with { type: 'json' };

export const NAME = 'nfqlb';
export const NUMBER: string = manifest.version;

/** What `version` prints, in both programs. */
export const VERSION: string = `${NAME}-${NUMBER}`;
