// An example for docker compose, run as a user runs it, but so that it can be cleaned up, and beside others.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { run } from '../processes/running.js';
import { engineProblem, OWNER_LABEL, owner } from './engine.js';

/** The docker plugin, or the older standalone program. */
const COMPOSE = [['docker', 'compose'], ['docker-compose']].find(
  ([program, ...args]) => spawnSync(program!, [...args, 'version'], { stdio: 'ignore' }).status === 0,
);

/** What is missing to run an example, or `undefined`. */
export function composeProblem(): string | undefined {
  return engineProblem() ?? (COMPOSE ? undefined : 'docker compose (Debian package docker-compose)');
}

export interface ComposeExampleOptions {
  /** In `docker/`. */
  readonly file: string;
  /** Images of the services, by name: others than the file's, which a user may have built. */
  readonly images: Readonly<Record<string, string>>;
  /** The complete definitions of the networks, by name: the older program takes a network from the last file that defines it. */
  readonly networks: Readonly<Record<string, object>>;
}

/** Everything in it is labelled with the test run that it belongs to. Disposing of it takes it down. */
export class ComposeExample implements AsyncDisposable {
  readonly #folder: string;
  readonly #command: readonly string[];

  constructor({ file, images, networks }: ComposeExampleOptions) {
    this.#folder = mkdtempSync(join(tmpdir(), 'nfqlb-compose-'));
    const path = fileURLToPath(new URL(`../../../../docker/${file}`, import.meta.url));
    const version = /^version: "(.*)"$/m.exec(readFileSync(path, 'utf8'))?.[1];
    const labels = { [OWNER_LABEL]: owner() };
    const override = join(this.#folder, 'overrides.json');
    writeFileSync(
      override,
      JSON.stringify({
        // The older program wants the version in all files, and the same one.
        ...(version && { version }),
        services: Object.fromEntries(Object.entries(images).map(([service, image]) => [service, { image, labels }])),
        networks: Object.fromEntries(Object.entries(networks).map(([name, network]) => [name, { ...network, labels }])),
      }),
    );
    this.#command = [...COMPOSE!, '--project-name', `nfqlb-${owner()}`, '--file', path, '--file', override];
  }

  compose(...args: readonly string[]): Promise<string> {
    return run([...this.#command, ...args]);
  }

  /** Runs a shell script in a container. */
  script(service: string, script: string): Promise<string> {
    return this.compose('exec', '-T', service, 'sh', '-ec', script);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.compose('down', '--timeout=3');
    rmSync(this.#folder, { recursive: true });
  }
}
