import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect } from '../sockets/connect.js';
import { formatSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { areaNames } from './areas.js';
import { LogConfig } from './log-config.js';
import { parseAnswer, parseEvent, type TraceEvent, type TraceRequest, takesRequests } from './trace-message.js';

/** A trace that cannot be had. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: 'NOT_CONNECTED' | 'NOT_GRANTED' | 'NO_PACKETS' | 'ENDED';

  constructor(code: TraceError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Follows a load-balancer's trace, C nfqlb's too, until that closes it.
 *
 * @throws {@link TraceError}, `NativeError` for the shared memory
 */
export async function* followTrace(address: SocketAddress, request: TraceRequest): AsyncGenerator<TraceEvent> {
  const config = new LogConfig();
  const socket = await connectWith(config, address, request.areas);
  try {
    yield* eventsOf(socket, formatSocketAddress(address), config, request);
  } finally {
    socket.destroy();
    config.close();
  }
}

/** Says in shared memory what to trace, and connects; says nothing when nobody is there to hear it. */
async function connectWith(config: LogConfig, address: SocketAddress, areas: number): Promise<Socket> {
  const before = config.traceMask;
  config.addAreas(areas);
  try {
    return await connect(address);
  } catch (cause) {
    if (config.traceMask === (before | areas) >>> 0) config.traceMask = before;
    config.close();
    const where = formatSocketAddress(address);
    throw new TraceError('NOT_CONNECTED', `${where}: no load-balancer listens there: ${(cause as Error).message}`, { cause });
  }
}

async function* eventsOf(socket: Socket, where: string, config: LogConfig, request: TraceRequest): AsyncGenerator<TraceEvent> {
  socket.on('error', () => socket.destroy());
  let answered = false;
  let first = true;
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (first) {
      first = false;
      if (takesRequests(line)) {
        socket.write(`${JSON.stringify(request)}\n`);
        continue;
      }
      if (request.octets) throw new TraceError('NO_PACKETS', `${where}: this load-balancer does not give packets, only lines`);
      // C nfqlb has one mask and one client: what was there before is nobody's.
      config.traceMask = request.areas;
    }
    if (!answered) {
      const granted = parseAnswer(line);
      if (granted === undefined) yield { areas: request.areas, text: line };
      else {
        answered = true;
        checkGranted(where, request.areas, granted);
      }
      continue;
    }
    const event = parseEvent(line);
    if (event) yield event;
  }
}

function checkGranted(where: string, asked: number, granted: number): void {
  if ((asked & ~granted) === 0) return;
  throw new TraceError(
    'NOT_GRANTED',
    `${where}: does not see that ${areaNames(asked & ~granted)} shall be traced; does it have another /dev/shm, or another NFQLB_TRACE_SHM?`,
  );
}
