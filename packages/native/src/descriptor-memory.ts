import { binding, type MappingBinding } from './binding.js';
import { nativeError } from './native-error.js';

/** Memory behind a descriptor that is no file, such as an eBPF map. */
export class DescriptorMemory {
  readonly #mapping: MappingBinding;

  /**
   * Maps it for reading and writing. The descriptor may be closed afterwards.
   *
   * @param octets rounded up to whole pages by the kernel
   * @throws {@link NativeError}
   */
  constructor(fd: number, octets: number) {
    const { Mapping } = binding();
    try {
      this.#mapping = new Mapping(fd, octets, true);
    } catch (error) {
      throw nativeError('memory', error);
    }
  }

  /** Detached by {@link close}. */
  get buffer(): ArrayBuffer {
    return this.#mapping.buffer;
  }

  close(): void {
    this.#mapping.close();
  }
}
