// Removes what a test run has left in Docker when the run is over: node reaper.mjs LABEL.
//
// The run holds the other end of this program's stdin. The pipe closes however the run ends, even by SIGKILL.
import { execFileSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

const filter = `label=${process.argv[2]}`;
const docker = (...args) => execFileSync('docker', args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
const ids = (...list) =>
  docker(...list, '--quiet', '--filter', filter)
    .split('\n')
    .filter(Boolean);

for await (const _ of process.stdin) {
  // Nothing is ever written; only the end matters.
}
// The run's workers may live a little longer, and the engine may still be executing their requests.
for (let quiet = 0; quiet < 3; ) {
  try {
    const containers = ids('ps', '--all');
    const networks = ids('network', 'ls');
    quiet = containers.length + networks.length === 0 ? quiet + 1 : 0;
    if (containers.length > 0) docker('rm', '--force', '--volumes', ...containers);
    if (networks.length > 0) docker('network', 'rm', ...networks);
  } catch {
    // Already removed, or an endpoint still exists: retry in the next iteration.
  }
  await sleep(500);
}
