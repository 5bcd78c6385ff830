// Runs once for the Vitest project `docker`: builds images, and starts a reaper that cleans up however the run ends.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { run } from '../processes/running.js';
import { docker, engineProblem, LB_IMAGE, OWNER_LABEL, TARGET_IMAGE } from './engine.js';
import { removeRemains } from './remains.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const ROOT = path('../../../../');

/** Gives it the mode that udev does: the image's user is not root. Returns what undoes it, on machines without udev. */
function openToAll(device: string): () => void {
  const mode = existsSync(device) ? statSync(device).mode & 0o777 : 0o666;
  if (mode === 0o666) return () => {};
  chmodSync(device, 0o666);
  return () => chmodSync(device, mode);
}

export default async function setUp(): Promise<(() => Promise<void>) | undefined> {
  // `describeDocker` reports why.
  if (engineProblem() !== undefined) return undefined;
  const owner = `${process.pid}-${randomBytes(3).toString('hex')}`;
  process.env.NFQLB_TEST_RUN = owner;
  // testcontainers' own reaper is an image and needs a registry.
  process.env.TESTCONTAINERS_RYUK_DISABLED = 'true';
  const reaper = spawn(process.execPath, [path('reaper.mjs'), `${OWNER_LABEL}=${owner}`], {
    stdio: ['pipe', 'ignore', 'ignore'],
    // Not in our process group, which gets ^C.
    detached: true,
  });
  reaper.unref();
  try {
    await run([path('../../scripts/base-images.sh')]);
  } catch (error) {
    // Without base images, from a registry or otherwise, the engine is useless.
    process.env.NFQLB_DOCKER_PROBLEM = `base images (${(error as Error).message.split(': ').slice(2).join(': ')})`;
    reaper.stdin.end();
    return undefined;
  }
  await Promise.all([
    docker('build', '--quiet', '--tag', TARGET_IMAGE, `${ROOT}docker/target`),
    docker('build', '--quiet', '--tag', LB_IMAGE, '--target', 'prebuilt', '--file', `${ROOT}docker/nfqlb/Dockerfile`, ROOT),
  ]);
  const restore = openToAll('/dev/net/tun');
  return async () => {
    await removeRemains(owner);
    restore();
    reaper.stdin.end();
  };
}
