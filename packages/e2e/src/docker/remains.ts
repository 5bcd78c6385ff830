import { docker, OWNER_LABEL } from './engine.js';

/** Ids of the containers that a run of tests has, running or not. */
export async function containersOf(owner: string): Promise<string[]> {
  return words(await docker('ps', '--all', '--quiet', '--no-trunc', '--filter', `label=${OWNER_LABEL}=${owner}`));
}

/** Ids of the networks that a run of tests has. */
export async function networksOf(owner: string): Promise<string[]> {
  return words(await docker('network', 'ls', '--quiet', '--no-trunc', '--filter', `label=${OWNER_LABEL}=${owner}`));
}

/** Removes all that a run of tests has. What somebody else removes meanwhile is none of our business. */
export async function removeRemains(owner: string): Promise<void> {
  const containers = await containersOf(owner);
  if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers).catch(() => {});
  const networks = await networksOf(owner);
  if (networks.length > 0) await docker('network', 'rm', ...networks).catch(() => {});
}

function words(text: string): string[] {
  return text.split('\n').filter(Boolean);
}
