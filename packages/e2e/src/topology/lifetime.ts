/**
 * Nothing of a topology outlives its process. Whatever a topology creates (namespaces, shared memory) has a name that starts
 * with the topology's, which contains the process id: `nfqlb-PID-COUNTER-RANDOM`. It is removed when the topology is disposed
 * of, or when the process exits, fails or is interrupted. If the process is killed, the next process that creates a topology
 * removes it.
 *
 * Removal is synchronous, since an exiting process no longer has an event loop.
 */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { runningPids } from '../processes/running.js';

const NAMESPACES = '/run/netns';
const SHARED_MEMORY = '/dev/shm';
/** The fast path's pins: their names begin with the namespace's number, as in `net4026532567_if12`. */
const PINS = '/sys/fs/bpf/nfqlb';
/** How long a killed process may take to exit, ms. */
const END_TIMEOUT_MS = 2000;

const created = new Set<string>();
let topologies = 0;

/** A name that is unique on this machine. Everything with this name is removed when this process ends. */
export function newTopologyName(): string {
  if (topologies === 0) {
    sweep();
    removeAtEnd();
  }
  const name = `nfqlb-${process.pid}-${++topologies}-${randomBytes(2).toString('hex')}`;
  created.add(name);
  return name;
}

/** Kills the processes in a topology's namespaces, then removes the namespaces and its shared memory. */
export function removeTopology(name: string): void {
  remove((thing) => thing.startsWith(`${name}-`));
  created.delete(name);
}

/** Removes the leftovers of killed processes. */
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
      // Without another listener the signal has its default effect: it ends the process.
      if (process.listenerCount(signal) === 0) process.kill(process.pid, signal);
    });
  }
}

function removeAll(): void {
  // An `ip` that is still running could create namespaces after the removal.
  if (created.size > 0) kill(runningPids());
  for (const name of created) removeTopology(name);
}

function remove(isOurs: (name: string) => boolean): void {
  const namespaces = list(NAMESPACES).filter(isOurs);
  if (namespaces.length > 0) {
    kill(pidsIn(namespaces));
    removePins(namespaces);
    // -force: another process may sweep at the same time.
    spawnSync('ip', ['-force', '-batch', '-'], { input: namespaces.map((name) => `netns del ${name}\n`).join('') });
  }
  for (const name of list(SHARED_MEMORY).filter(isOurs)) rmSync(`${SHARED_MEMORY}/${name}`, { force: true });
}

/** Before the namespaces: their numbers are used again. */
function removePins(namespaces: readonly string[]): void {
  const numbers = namespaces.map((name) => statSync(`${NAMESPACES}/${name}`, { throwIfNoEntry: false })?.ino);
  for (const name of list(PINS)) {
    if (numbers.some((number) => name.startsWith(`net${number}_`))) rmSync(`${PINS}/${name}`, { recursive: true, force: true });
  }
}

/** Same as `ip netns pids`, but for all namespaces in one pass. */
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

/** A zombie counts as dead; our own children are zombies until Node's event loop reaps them. */
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
    // /run/netns does not exist before the first namespace.
    return [];
  }
}
