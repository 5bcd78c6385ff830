/**
 * Memory that threads can share. A page of a browser has it only if its server isolates it from other sites: otherwise this is memory of its one
 * thread, which works alike, for no lock has to be waited for.
 */
export const SharedMemory: SharedArrayBufferConstructor =
  typeof SharedArrayBuffer === 'undefined' ? (ArrayBuffer as unknown as SharedArrayBufferConstructor) : SharedArrayBuffer;
