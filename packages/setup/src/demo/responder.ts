import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { PORT, VIP4, VIP6 } from './hosts.js';

/** A target: answers every question with its number, until its standard input ends. Writes a line when it is ready. */
export async function respond(number: number): Promise<void> {
  const answer = Buffer.from(String(number));
  // Answers come from the VIP, the only address that the client knows, not from one of the target.
  for (const address of [VIP4, VIP6]) {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (_, { port, address: client }) => socket.send(answer, port, client));
    socket.bind(PORT, address);
    await once(socket, 'listening');
  }
  process.stdout.write('ready\n');
  process.stdin.once('end', () => process.exit()).resume();
}
