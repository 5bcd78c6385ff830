import { createSocket } from 'node:dgram';
import { setTimeout as sleep } from 'node:timers/promises';

/** How long a neighbour may take to answer, in milliseconds. A machine on the same network takes less than one. */
const ANSWER_MS = 300;

/** RFC 863: whatever comes there is thrown away. */
const DISCARD = 9;

/**
 * Makes the kernel ask for the link-layer addresses of targets, as it does for the first packet, by a datagram to each. Without, a target that
 * nothing was sent to lately is neither known to answer nor known to be silent.
 */
export async function askNeighbours(addresses: readonly string[]): Promise<void> {
  if (addresses.length === 0) return;
  await Promise.all(addresses.map(sendDatagram));
  await sleep(ANSWER_MS);
}

function sendDatagram(address: string): Promise<void> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    // Without a route to it nobody is asked.
    socket.once('error', () => resolve());
    socket.send('', DISCARD, address, () => {
      socket.close();
      resolve();
    });
  });
}
