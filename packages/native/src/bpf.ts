import { binding } from './binding.js';
import { nativeError } from './native-error.js';

/**
 * The system call bpf(2).
 *
 * @param command number of a `BPF_*` command
 * @param attr `union bpf_attr`, as far as the command needs it; the kernel may write into it
 * @param pointers offsets in `attr` of fields that point to memory, and the memory
 * @returns what the call returns: a descriptor, which belongs to the caller, or 0
 * @throws {@link NativeError} with the errno's name
 */
export function bpf(command: number, attr: Uint8Array, pointers: readonly (readonly [offset: number, memory: Uint8Array])[] = []): number {
  try {
    const offsets = pointers.map(([offset]) => offset);
    const memories = pointers.map(([, memory]) => memory);
    return binding().bpf(command, attr, offsets, memories);
  } catch (error) {
    throw nativeError('bpf', error);
  }
}
