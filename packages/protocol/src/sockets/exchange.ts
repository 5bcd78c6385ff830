import { connect } from './connect.js';
import type { SocketAddress } from './socket-address.js';

export interface ExchangeOptions {
  /** Optional: if absent, nothing is sent. */
  readonly request?: string;
  /** Timeout for the reply, in milliseconds. */
  readonly timeoutMs: number;
  /** Maximum length of the reply, in octets: any program may listen at the address. */
  readonly maxReply: number;
  /** Called when the connection is established. */
  readonly connected?: () => void;
}

/**
 * Connects, sends a request and reads the reply until the server closes the connection.
 *
 * @throws as {@link connect}; `Error` if the reply is late or too long; a system error if the connection breaks
 */
export async function exchange(address: SocketAddress, { request, timeoutMs, maxReply, connected }: ExchangeOptions): Promise<Buffer> {
  const socket = await connect(address);
  connected?.();
  const deadline = setTimeout(() => socket.destroy(new Error(`no reply within ${timeoutMs / 1000} s`)), timeoutMs);
  try {
    if (request !== undefined) socket.write(request);
    const chunks: Buffer[] = [];
    let octets = 0;
    for await (const chunk of socket as AsyncIterable<Buffer>) {
      octets += chunk.length;
      if (octets > maxReply) throw new Error(`the reply is longer than ${maxReply} octets`);
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  } finally {
    clearTimeout(deadline);
    socket.destroy();
  }
}
