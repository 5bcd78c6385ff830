import type { HttpCheck } from '../settings/health-settings.js';
import { CheckSocket, type Destination } from '../socket/check-socket.js';
import type { SocketPoll } from '../socket/socket-poll.js';
import { closedEarly, httpRequest, readStatusLine } from './http-exchange.js';

const HTTP_PORT = 80;

/** Octets that are read at a time: enough for a status line, and little enough for Node's pool of buffers. */
const READ_LENGTH = 1024;

/** Passes when the answer has one of the statuses. Redirections are not followed. */
export async function checkHttp(check: HttpCheck, to: Destination, poll: SocketPoll): Promise<void> {
  const socket = new CheckSocket('tcp', check.port, to, poll);
  try {
    await socket.connected();
    socket.write(Buffer.from(httpRequest(check, to.name, HTTP_PORT), 'latin1'));
    const buffer = Buffer.allocUnsafe(READ_LENGTH);
    for (let answer = ''; ; ) {
      const length = await socket.read(buffer);
      if (length === 0) throw closedEarly();
      answer += buffer.toString('latin1', 0, length);
      if (readStatusLine(answer, check.status) === 'passed') return;
    }
  } finally {
    socket.close();
  }
}
