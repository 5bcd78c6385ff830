import { spawnSync } from 'node:child_process';
import { run } from '../processes/running.js';

/** Label with the owner, on every container and network of a test. */
export const OWNER_LABEL = 'nfqlb.test.run';

/** Images that the set-up of the Vitest project builds from `docker/`. */
export const LB_IMAGE = 'nfqlb:test';
export const TARGET_IMAGE = 'nfqlb-target:test';

/** The test run that this process belongs to, as named by the set-up of the Vitest project. */
export function owner(): string {
  return process.env.NFQLB_TEST_RUN ?? `${process.pid}`;
}

/** Runs a docker command and returns its stdout. */
export function docker(...args: readonly string[]): Promise<string> {
  return run(['docker', ...args]);
}

/** Why no Docker engine is usable, or `undefined` if one answers. */
export function engineProblem(): string | undefined {
  const { NFQLB_DOCKER_PROBLEM: problem } = process.env;
  if (problem !== undefined) return problem;
  const { status, stderr, error } = spawnSync('docker', ['version', '--format', '{{.Server.Version}}'], { encoding: 'utf8' });
  if (error) return 'a Docker engine and the program docker (Debian package docker.io)';
  if (status !== 0) return `a Docker engine that answers (${stderr.trim().split('\n').at(-1)})`;
  return undefined;
}
