// The addon's TypeScript interface. Only this file loads the addon; nothing outside this package uses it directly.

import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NativeError } from './native-error.js';

/** addon/queue.cc */
export interface QueueBinding {
  receive(timeoutMilliseconds: number, lingerMicroseconds: number, busyPollMicroseconds: number): number;
  settle(count: number): void;
  configure(packets: number): void;
  close(): void;
  readonly errors: number;
  readonly malformed: number;
  readonly shortages: number;
  readonly fd: number;
}

/** addon/mapping.cc */
export interface MappingBinding {
  readonly buffer: ArrayBuffer;
  readonly damaged: boolean;
  close(): void;
}

/** addon/tun.cc */
export interface TunBinding {
  readonly fd: number;
  readonly created: boolean;
  readonly isUp: boolean;
  readonly mtu: number;
  setUp(mtu: number): void;
  close(): void;
}

/** addon/tun.cc */
export interface PacketWriterBinding {
  write(bytes: Uint8Array, at: number, length: number): number;
  close(): void;
}

/** addon/wakeup.cc */
export interface WakeupBinding {
  readonly fd: number;
  signal(): void;
  close(): void;
}

/** addon/watchdog.cc */
export interface WatchdogBinding {
  renew(milliseconds: number): void;
  close(): void;
}

/** addon/addon.cc. Objects that are not closed are freed when garbage-collected, or when their thread ends. */
export interface Binding {
  readonly Queue: new (
    options: { queue: number; length: number; copyRange: number; batch: number; wakeup: number; socket: number; clockOffset: number },
    arrays: { bytes: Uint8Array; offset: Uint32Array; length: Uint32Array; etherType: Uint16Array; mark: Int32Array; clock: Float64Array },
  ) => QueueBinding;
  readonly Mapping: new (fd: number, size: number, writable: boolean) => MappingBinding;
  readonly Tun: new (name: string, fd?: number) => TunBinding;
  readonly PacketWriter: new (fd: number) => PacketWriterBinding;
  readonly Wakeup: new () => WakeupBinding;
  readonly Watchdog: new () => WatchdogBinding;
  /** Maximum octets of a packet message without the packet. */
  readonly packetOverhead: number;
  bpf(command: number, attr: Uint8Array, offsets: readonly number[], buffers: readonly Uint8Array[]): number;
  interfaceIndex(name: string): number;
  allocate(fd: number, size: number): void;
  lock(fd: number, milliseconds: number): void;
  unlock(fd: number): void;
  markUse(fd: number, place: number): void;
  isUsedElsewhere(fd: number, place: number): boolean;
  listenAbstract(name: string, backlog: number): number;
  connectAbstract(name: string): number;
  sendDescriptors(fd: number, text: string, descriptors: readonly number[]): void;
  receiveDescriptors(fd: number, timeoutMilliseconds: number): { text: string; descriptors: number[] };
  connectSocket(type: number, protocol: number, address: Uint8Array, port: number, mark: number): number;
  pollSockets(pollfds: Uint8Array, count: number): number;
  socketError(fd: number): number;
  setSlice(microseconds: number): void;
  setNice(value: number): void;
  setRealTime(priority: number): void;
  setCpus(numbers: readonly number[]): void;
  sendDatagram(address: string, text: string): void;
  restrictPrivileges(low: number, high: number): void;
  peerCredentials(fd: number): { pid: number; uid: number; gid: number; groups: number[] };
}

/**
 * Where addons are in the package. The one for the other C library is not tried: glibc refuses one built for musl, but musl does not refuse
 * one built for glibc, which may then crash.
 */
const filesFor = (platform: string): string[] => [`prebuilds/${platform}.node`, 'build/Release/nfqlb.node'];

let loaded: Binding | undefined;

/**
 * The addon: the prebuilt one for this platform, or the one compiled here. The environment variable `NFQLB_ADDON` can name another file
 * instead (such as a build with sanitizers).
 *
 * @throws {@link NativeError} `NO_ADDON`: what was tried, and what to do
 */
export function binding(): Binding {
  loaded ??= load();
  return loaded;
}

function load(): Binding {
  const require = createRequire(import.meta.url);
  const { NFQLB_ADDON: named } = process.env;
  const folders = roots();
  const platform = `${process.platform}-${process.arch}-${cLibrary()}`;
  const candidates = filesFor(platform);
  const files = named === undefined ? folders.flatMap((folder) => candidates.map((file) => join(folder, file))) : [named];
  const refused: string[] = [];
  for (const file of files.filter((candidate) => existsSync(candidate))) {
    try {
      return require(file) as Binding;
    } catch (error) {
      refused.push(`${file} cannot be loaded: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  const nowhere = named === undefined ? `there is no ${candidates.join(', ')} in ${folders.join(', ')}` : `there is no ${named}`;
  throw new NativeError(
    'NO_ADDON',
    'loading the addon',
    `no native addon for ${platform} and Node ${process.versions.node}: ${refused.join('; ') || nowhere}. ` +
      '`pnpm build` compiles it in a checkout; on Debian, this needs: apt-get install g++ make python3',
  );
}

/** Where this package may be: above this file's folder or, if bundled into a program, next to the program's package or with the program. */
function roots(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  return [...new Set([join(here, '..'), join(here, '../../native'), here])];
}

/**
 * The C library of this Node, by the dynamic linker that it names in its first octets. (Asking `process.report` takes 6 ms, a seventh of a
 * command's startup time.)
 */
function cLibrary(): 'glibc' | 'musl' {
  const head = Buffer.alloc(4096);
  const fd = openSync(process.execPath, 'r');
  try {
    readSync(fd, head, 0, head.length, 0);
  } finally {
    closeSync(fd);
  }
  return head.includes('/ld-musl-') ? 'musl' : 'glibc';
}
