import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long to wait for neighbours to answer. A machine on the same network takes less than 1 ms. */
const ANSWER_MS = 300;

/** The discard port (RFC 863). */
const DISCARD = 9;

/**
 * Sends a datagram to each target, so that the kernel resolves its link-layer address. Otherwise the kernel may not know whether a target
 * answers that it sent nothing to lately.
 */
export async function askNeighbours(addresses: readonly string[]): Promise<void> {
  if (addresses.length === 0) return;
  await Promise.all(addresses.map(sendDatagram));
  await sleep(ANSWER_MS);
}

function sendDatagram(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    // Without a route, there is nobody to ask.
    socket.once('error', () => resolve());
    socket.send('', DISCARD, address, () => {
      socket.close();
      resolve();
    });
  });
}
