import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect, describeUnreached } from '../sockets/connect.js';
import { formatSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { areaNames } from './areas.js';
import { LogConfig } from './log-config.js';
import { parseAnswer, parseEvent, parseTraceRefusal, type TraceEvent, type TraceRequest, takesRequests } from './trace-message.js';

/** A trace failed. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: 'NOT_CONNECTED' | 'NOT_PERMITTED' | 'NOT_GRANTED' | 'NO_PACKETS' | 'ENDED';

  constructor(code: TraceError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Follows the trace of a load balancer, including C nfqlb, until the load balancer closes the connection.
 *
 * @throws {@link TraceError}, `NativeError` for the shared memory
 */
export async function* followTrace(address: SocketAddress, request: TraceRequest): AsyncGenerator<TraceEvent> {
  const mask = new RequestedMask(request.areas);
  try {
    const socket = await connectTo(address, mask);
    try {
      yield* eventsOf(socket, formatSocketAddress(address), mask, request);
    } finally {
      socket.destroy();
    }
  } finally {
    mask.close();
  }
}

/**
 * Writes the requested areas to shared memory, where C nfqlb reads them, and a load balancer traced over TCP. Other load balancers get them over
 * the unix socket, which identifies the client: it needs no write permission for the shared memory.
 */
class RequestedMask {
  readonly #areas: number;
  /** Areas that were not set before. */
  readonly #added: number = 0;
  readonly #config: LogConfig | undefined;
  readonly #failure: unknown;

  constructor(areas: number) {
    this.#areas = areas;
    try {
      this.#config = new LogConfig();
      this.#added = areas & ~this.#config.addAreas(areas);
    } catch (error) {
      this.#failure = error;
    }
  }

  /** Sets the mask for C nfqlb, which has only one client: areas that were set before belong to nobody. */
  replace(): void {
    if (!this.#config) throw this.#failure;
    this.#config.traceMask = this.#areas;
  }

  /** Removes the added areas: other load balancers with the same shared memory must not see them. */
  withdraw(): void {
    this.#config?.removeAreas(this.#added);
  }

  close(): void {
    this.#config?.close();
  }
}

async function connectTo(address: SocketAddress, mask: RequestedMask): Promise<Socket> {
  try {
    return await connect(address);
  } catch (cause) {
    mask.withdraw();
    const where = formatSocketAddress(address);
    throw new TraceError('NOT_CONNECTED', describeUnreached(where, cause, 'nfqlb lb or nfqlb flowlb'), { cause });
  }
}

async function* eventsOf(socket: Socket, where: string, mask: RequestedMask, request: TraceRequest): AsyncGenerator<TraceEvent> {
  socket.on('error', () => socket.destroy());
  let answered = false;
  let first = true;
  for await (const line of createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })) {
    if (first) {
      first = false;
      const refusal = parseTraceRefusal(line);
      if (refusal !== undefined) {
        mask.withdraw();
        throw new TraceError('NOT_PERMITTED', `${where}: ${refusal}`);
      }
      if (takesRequests(line)) {
        socket.write(`${JSON.stringify(request)}\n`);
        continue;
      }
      if (request.octets) {
        mask.withdraw();
        throw new TraceError('NO_PACKETS', `${where}: this load balancer sends only lines, not packets`);
      }
      mask.replace();
    }
    if (!answered) {
      const granted = parseAnswer(line);
      if (granted === undefined) yield { areas: request.areas, text: line };
      else {
        answered = true;
        mask.withdraw();
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
    `${where}: does not see the request to trace ${areaNames(asked & ~granted)}; does it have another /dev/shm, or another NFQLB_TRACE_SHM?`,
  );
}
