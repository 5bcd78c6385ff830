// The README's example as a user runs it: images built from the sources, and `curl`.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { run } from '../processes/running.js';
import { describeUnless } from '../testing/describe-unless.js';
import { engineProblem, OWNER_LABEL, owner } from './engine.js';

const EXAMPLE = fileURLToPath(new URL('../../../../docker/compose.yaml', import.meta.url));

/** The docker plugin, or the older standalone program. */
const COMPOSE = [['docker', 'compose'], ['docker-compose']].find(
  ([program, ...args]) => spawnSync(program!, [...args, 'version'], { stdio: 'ignore' }).status === 0,
);

const missing = engineProblem() ?? (COMPOSE ? undefined : 'docker compose (Debian package docker-compose)');

/** Labels the containers and the network with their owner, and gives the images separate names. */
function overrides(): string {
  const labels = `{ ${OWNER_LABEL}: '${owner()}' }`;
  const service = (name: string, image: string): string => `  ${name}: { image: '${image}', labels: ${labels} }`;
  return [
    'services:',
    service('lb', 'nfqlb:example-test'),
    ...[1, 2, 3].map((number) => service(`target${number}`, 'nfqlb-target:test')),
    'networks:',
    // The complete definition: the older program takes a network from the last file that defines it.
    '  example:',
    '    enable_ipv6: true',
    '    ipam: { config: [{ subnet: 10.77.0.0/24 }, { subnet: "fd00:77::/64" }] }',
    `    labels: ${labels}`,
    '',
  ].join('\n');
}

describeUnless(missing, 'the example for docker compose', () => {
  test('is built from the sources, and all three targets answer curl until one is deactivated', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-compose-'));
    const overrideFile = join(folder, 'overrides.yaml');
    writeFileSync(overrideFile, overrides());
    const compose = (...args: readonly string[]): Promise<string> =>
      run([...COMPOSE!, '--project-name', `nfqlb-${owner()}`, '--file', EXAMPLE, '--file', overrideFile, ...args]);
    const answers = async (url: string): Promise<Set<string>> => {
      const text = await run(['sh', '-c', `for i in $(seq 40); do curl -sS --globoff --max-time 5 ${url}; done`]);
      return new Set(text.trimEnd().split('\n'));
    };
    try {
      await compose('up', '--build', '--detach');
      await run(['sh', '-c', 'until curl -s --max-time 1 http://10.77.0.100/ >/dev/null; do sleep 0.2; done']);
      const all = new Set(['target1', 'target2', 'target3']);
      expect(await answers('http://10.77.0.100/')).toEqual(all);
      expect(await answers('http://[fd00:77::100]/')).toEqual(all);
      expect(await answers('http://127.0.0.1:8077/')).toEqual(all);
      await compose('exec', '-T', 'lb', 'nfqlb', 'deactivate', '2');
      expect(await answers('http://10.77.0.100/')).toEqual(new Set(['target1', 'target3']));
      expect(await answers('http://[fd00:77::100]/')).toEqual(new Set(['target1', 'target3']));
    } finally {
      await compose('down', '--timeout=3');
      rmSync(folder, { recursive: true });
    }
  }, 400_000); // Nearly all of it for the build.
});
