import type { UdpCheck } from '../settings/health-settings.js';
import { CheckSocket, type Destination } from '../socket/check-socket.js';
import type { SocketPoll } from '../socket/socket-poll.js';
import { CheckFailure } from './outcome.js';

const MAX_DATAGRAM = 65_535;

/** Passes when the answer contains what is expected; any answer will do without that. */
export async function checkUdp({ port, send, expect }: UdpCheck, to: Destination, poll: SocketPoll): Promise<void> {
  const socket = new CheckSocket('udp', port, to, poll);
  try {
    socket.write(send);
    const buffer = Buffer.allocUnsafe(expect ? MAX_DATAGRAM : 1);
    const answer = buffer.subarray(0, await socket.read(buffer));
    if (expect && !answer.includes(Buffer.from(expect))) throw new CheckFailure(`unexpected answer ${quote(answer)}`);
  } finally {
    socket.close();
  }
}

/** The first octets, as text if they are, otherwise in hexadecimal. */
function quote(answer: Buffer): string {
  const head = answer.subarray(0, 40);
  const text = head.toString('latin1');
  const dots = answer.length > head.length ? '…' : '';
  return /^[\x20-\x7e]*$/.test(text) ? `${JSON.stringify(text)}${dots}` : `${head.toString('hex')}${dots} (hexadecimal)`;
}
