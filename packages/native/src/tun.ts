import { readFileSync, writeSync } from 'node:fs';
import { binding } from './binding.js';
import { nativeError } from './native-error.js';

const HINTS = {
  EPERM: 'needs CAP_NET_ADMIN, or a device that belongs to this user',
  EINVAL: 'a device of that name is there and is no tun device, or the name is longer than 15 characters',
  EBUSY: 'another program has it open',
  ENOENT: 'the kernel has no tun devices, or this container was not given /dev/net/tun',
};

/** A tun device: what is written to it arrives in the kernel as if from the network. */
export class Tun {
  static readonly #forgotten = new FinalizationRegistry<number>((fd) => binding().closeDescriptor(fd));

  readonly name: string;
  readonly #fd: number;

  /**
   * Opens a tun device, and creates it if it is not there; one that this created goes when it is closed.
   *
   * @throws {@link NativeError}
   */
  constructor(name: string) {
    this.name = name;
    try {
      this.#fd = binding().openTun(name);
    } catch (error) {
      throw nativeError(error, HINTS);
    }
    Tun.#forgotten.register(this, this.#fd, this);
  }

  /** Octets of the longest packet. */
  get mtu(): number {
    return Number(readFileSync(`/sys/class/net/${this.name}/mtu`, 'utf8'));
  }

  /** Sends the packet `bytes[at .. at + length)`, from its IP header on. Throws what `writeSync` throws. */
  write(bytes: Uint8Array, at: number, length: number): void {
    writeSync(this.#fd, bytes, at, length);
  }

  close(): void {
    Tun.#forgotten.unregister(this);
    binding().closeDescriptor(this.#fd);
  }
}
