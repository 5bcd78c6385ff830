import { binding } from './binding.js';
import { nativeError } from './native-error.js';

/**
 * Index of a network interface in this thread's network namespace; `undefined` if there is none of this name. (`/sys/class/net` may show another
 * namespace's.)
 */
export function interfaceIndex(name: string): number | undefined {
  try {
    return binding().interfaceIndex(name);
  } catch (error) {
    const failure = nativeError(name, error);
    if (failure.code === 'ENODEV' || failure.code === 'ENXIO') return undefined;
    throw failure;
  }
}
