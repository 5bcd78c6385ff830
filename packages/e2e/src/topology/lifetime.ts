/**
 * Nothing of a topology outlives its process. What a topology makes (namespaces, shared memory) has names that begin with
 * the topology's, and that name tells the process: `nfqlb-PID-COUNTER-RANDOM`. It is removed when the topology is
 * disposed of, when the process ends, is interrupted or fails, and, should it be killed, by the next process that makes
 * a topology.
 *
 * Removal is synchronous, since an ending process has no event loop any more.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { runningPids } from '../processes/running.js';

const NAMESPACES = '/run/netns';
const SHARED_MEMORY = '/dev/shm';
/** How long a killed process may take to end, ms. */
const END_TIMEOUT_MS = 2000;

const made = new Set<string>();
let topologies = 0;

/** A name that no other topology on this machine has. From now on what bears it is removed when this process ends. */
export function newTopologyName(): string {
  if (topologies === 0) {
    sweep();
    removeAtEnd();
  }
  const name = `nfqlb-${process.pid}-${++topologies}-${randomBytes(2).toString('hex')}`;
  made.add(name);
  return name;
}

/** Ends the processes in a topology's namespaces, then removes those and its shared memory. */
export function removeTopology(name: string): void {
  remove((thing) => thing.startsWith(`${name}-`));
  made.delete(name);
}

/** Removes what processes that were killed have left. */
function sweep(): void {
  remove((name) => {
    const owner = name.match(/^nfqlb-(\d+)-\d+-[\da-f]{4}-/)?.[1];
    return owner !== undefined && !isAlive(Number(owner));
  });
}

function removeAtEnd(): void {
  process.once('exit', removeAll);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      removeAll();
      // With no other listener the signal does what it does by default: it ends the process.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
  }
}

function removeAll(): void {
  // An `ip` that is still making namespaces would make them behind our back.
  if (made.size > 0) kill(runningPids());
  for (const name of made) removeTopology(name);
}

function remove(isOurs: (name: string) => boolean): void {
  const namespaces = list(NAMESPACES).filter(isOurs);
  if (namespaces.length > 0) {
    kill(pidsIn(namespaces));
    // -force: another process may sweep the same.
    spawnSync('ip', ['-force', '-batch', '-'], { input: namespaces.map((name) => `netns del ${name}\n`).join('') });
  }
  for (const name of list(SHARED_MEMORY).filter(isOurs)) rmSync(`${SHARED_MEMORY}/${name}`, { force: true });
}

/** What `ip netns pids` tells, for all namespaces in one pass. */
function pidsIn(namespaces: readonly string[]): number[] {
  const inodes = new Set(namespaces.map((name) => inode(`${NAMESPACES}/${name}`)));
  return list('/proc')
    .filter((name) => /^\d+$/.test(name) && inodes.has(inode(`/proc/${name}/ns/net`) ?? ''))
    .map(Number);
}

/** Identifies a namespace: device and inode of its file. */
function inode(path: string): string | undefined {
  try {
    const { dev, ino } = statSync(path);
    return `${dev}:${ino}`;
  } catch {
    // The process has ended, or is a zombie.
    return undefined;
  }
}

function kill(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, 'SIGKILL');
    } catch {
      // It has ended.
    }
  }
  const deadline = Date.now() + END_TIMEOUT_MS;
  const clock = new Int32Array(new SharedArrayBuffer(4));
  while (pids.some(isAlive) && Date.now() < deadline) Atomics.wait(clock, 0, 0, 1);
}

/** A zombie, which our own children are until Node's event loop sees them, counts as dead. */
function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}

function list(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    // /run/netns is not there before the first namespace is.
    return [];
  }
}
