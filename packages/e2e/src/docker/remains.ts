import { docker, OWNER_LABEL } from './engine.js';

/** Ids of a test run's containers, running or not. */
export async function containersOf(owner: string): Promise<string[]> {
  return words(await docker('ps', '--all', '--quiet', '--no-trunc', '--filter', `label=${OWNER_LABEL}=${owner}`));
}

/** Ids of a test run's networks. */
export async function networksOf(owner: string): Promise<string[]> {
  return words(await docker('network', 'ls', '--quiet', '--no-trunc', '--filter', `label=${OWNER_LABEL}=${owner}`));
}

/** Removes everything of a test run. Ignores errors, since something else may remove it at the same time. */
export async function removeRemains(owner: string): Promise<void> {
  const containers = await containersOf(owner);
  if (containers.length > 0) await docker('rm', '--force', '--volumes', ...containers).catch(() => {});
  const networks = await networksOf(owner);
  if (networks.length > 0) await docker('network', 'rm', ...networks).catch(() => {});
}

function words(text: string): string[] {
  return text.split('\n').filter(Boolean);
}
