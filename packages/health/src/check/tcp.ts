import type { TcpCheck } from '../settings/health-settings.js';
import { CheckSocket, type Destination } from '../socket/check-socket.js';
import type { SocketPoll } from '../socket/socket-poll.js';

/** Passes when the connection is made. It is reset at once: the server's program does not see it, unless it is fast. */
export async function checkTcp({ port }: TcpCheck, to: Destination, poll: SocketPoll): Promise<void> {
  const socket = new CheckSocket('tcp', port, to, poll);
  try {
    await socket.connected();
  } finally {
    socket.close();
  }
}
