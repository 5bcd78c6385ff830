import manifest from '../package.json' with { type: 'json' };

/** What `nfqlb-sim --version` prints. */
export const VERSION: string = `nfqlb-sim-${manifest.version}`;
