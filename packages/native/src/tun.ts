import { binding, type PacketWriterBinding, type TunBinding } from './binding.js';
import { nativeError } from './native-error.js';

const HINTS = {
  EPERM: 'needs CAP_NET_ADMIN, or a device that belongs to this user',
  EACCES: 'this user may not open /dev/net/tun',
  EINVAL: 'a device of that name is there and is no tun device, or it is no name for a device',
  ENAMETOOLONG: 'a device name has 1 to 15 characters',
  EBUSY: 'another program has it open',
  ENOENT: 'the kernel has no tun devices, or this container has no /dev/net/tun',
  ENODEV: 'no such device',
};

/** A tun device: packets written to it arrive in the kernel as if from the network. */
export class Tun {
  readonly name: string;
  readonly #tun: TunBinding;

  /**
   * Opens a tun device, or creates it if it does not exist; a created one is removed when the last process that has it open closes it.
   *
   * @param fd descriptor of the device in another process, which goes on with a copy of it
   * @throws {@link NativeError}
   */
  constructor(name: string, fd?: number) {
    const { Tun: Native } = binding();
    this.name = name;
    try {
      this.#tun = new Native(name, fd);
    } catch (error) {
      throw nativeError(`tun device ${name}`, error, HINTS);
    }
  }

  /** Descriptor for a {@link PacketWriter} in another thread, while this is open. */
  get fd(): number {
    return this.#tun.fd;
  }

  /** Whether this created the device. */
  get created(): boolean {
    return this.#tun.created;
  }

  /** Octets of the longest packet. */
  get mtu(): number {
    return this.#attempt(() => this.#tun.mtu);
  }

  get isUp(): boolean {
    return this.#attempt(() => this.#tun.isUp);
  }

  /** Sets its MTU, in octets, and brings it up. */
  setUp(mtu: number): void {
    this.#attempt(() => this.#tun.setUp(mtu));
  }

  #attempt<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw nativeError(`tun device ${this.name}`, error, HINTS);
    }
  }

  close(): void {
    this.#tun.close();
  }
}

/** Writes packets to a tun device that another thread has open, and may close at any time. */
export class PacketWriter {
  readonly #writer: PacketWriterBinding;

  /**
   * @param fd of the device ({@link Tun.fd}), which is open now
   * @throws {@link NativeError}
   */
  constructor(fd: number) {
    const { PacketWriter: Native } = binding();
    try {
      this.#writer = new Native(fd);
    } catch (error) {
      throw nativeError('tun device', error);
    }
  }

  /**
   * Sends the packet `bytes[at .. at + length)`, from its IP header on.
   *
   * @returns 0, or the errno with which the kernel refused it: EIO while the device is down, EINVAL if it is not an IP packet, EFAULT if
   *   it is not within `bytes`, EBADF if this is closed
   */
  write(bytes: Uint8Array, at: number, length: number): number {
    return this.#writer.write(bytes, at, length);
  }

  close(): void {
    this.#writer.close();
  }
}
