import { connect } from './connect.js';
import type { SocketAddress } from './socket-address.js';

export interface ExchangeOptions {
  /** Nothing is sent without. */
  readonly request?: string;
  /** How long the reply may take, in milliseconds. */
  readonly timeoutMs: number;
  /** Octets that a reply may have: anybody may have taken the address. */
  readonly maxReply: number;
  /** Called when the server has been reached. */
  readonly connected?: () => void;
}

/**
 * Connects, sends a request and reads the reply up to the end of the connection.
 *
 * @throws as {@link connect}; `Error` when the reply is late or too long; a system error when the connection is cut
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
