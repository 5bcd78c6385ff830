/** Images that the set-up of the Vitest project builds from `docker/`. */
export const LB_IMAGE = 'nfqlb:test';
export const TARGET_IMAGE = 'nfqlb-target:test';
