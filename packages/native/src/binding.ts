// The addon as TypeScript sees it. Only this file loads it; nothing outside this package uses it directly.

import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NativeError } from './native-error.js';

/** addon/queue.cc */
export interface QueueBinding {
  receive(timeoutMilliseconds: number, lingerMicroseconds: number): number;
  settle(count: number): void;
  close(): void;
  readonly errors: number;
}

export interface Binding {
  readonly Queue: new (
    options: { queue: number; length: number; copyRange: number; batch: number; wakeup: number },
    arrays: { bytes: Uint8Array; offset: Uint32Array; length: Uint32Array; etherType: Uint16Array; mark: Int32Array },
  ) => QueueBinding;
  /** Octets of a packet message beside the packet, at most. */
  readonly packetOverhead: number;
  map(fd: number, size: number): ArrayBuffer;
  unmap(buffer: ArrayBuffer): void;
  eventfd(): number;
  openTun(name: string): number;
  closeDescriptor(fd: number): void;
  lock(fd: number, milliseconds: number): void;
  unlock(fd: number): void;
}

let loaded: Binding | undefined;

/**
 * The addon: the prebuilt one for this platform, or the one that was compiled here.
 *
 * @throws {@link NativeError} `NO_ADDON`: what was tried, and what to do
 */
export function binding(): Binding {
  loaded ??= load();
  return loaded;
}

function load(): Binding {
  const libc = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header.glibcVersionRuntime ? 'glibc' : 'musl';
  const platform = `${process.platform}-${process.arch}-${libc}`;
  const require = createRequire(import.meta.url);
  const tried: string[] = [];
  for (const root of roots()) {
    for (const path of [`prebuilds/${platform}.node`, 'addon/build/Release/nfqlb.node']) {
      try {
        return require(join(root, path)) as Binding;
      } catch (error) {
        tried.push(`${join(root, path)} (${reason(error)})`);
      }
    }
  }
  const what = `no native addon for ${platform}, Node ${process.versions.node}`;
  throw new NativeError(
    'NO_ADDON',
    'loading the addon',
    `${what}: tried ${tried.join(', ')}; in a checkout, \`pnpm build\` compiles it, for which Debian needs: apt-get install g++ make python3`,
  );
}

/** Where this package is: beside this file's folder, or, when it is bundled into a program, beside the program's package. */
function roots(): string[] {
  const here = dirname(fileURLToPath(import.meta.url));
  return [join(here, '..'), join(here, '../../native'), here];
}

function reason(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'MODULE_NOT_FOUND' ? 'not there' : message.split('\n')[0]!;
}
