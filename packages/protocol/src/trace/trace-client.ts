import type { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { connect, describeUnreached } from '../sockets/connect.js';
import { formatSocketAddress, type SocketAddress } from '../sockets/socket-address.js';
import { areaNames } from './areas.js';
import { LogConfig } from './log-config.js';
import { parseAnswer, parseEvent, parseTraceRefusal, type TraceEvent, type TraceRequest, takesRequests } from './trace-message.js';

/** A trace that cannot be had. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  readonly code: 'NOT_CONNECTED' | 'NOT_PERMITTED' | 'NOT_GRANTED' | 'NO_PACKETS' | 'ENDED';

  constructor(code: TraceError['code'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/**
 * Follows a load balancer's trace, C nfqlb's too, until that closes it.
 *
 * @throws {@link TraceError}, `NativeError` for the shared memory
 */
export async function* followTrace(address: SocketAddress, request: TraceRequest): AsyncGenerator<TraceEvent> {
  const mask = new AskedMask(request.areas);
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
 * What is asked for, in shared memory, where C nfqlb looks for it, and a load balancer that is asked over TCP. Others are told over their socket,
 * which knows who asks: a user who may not write to the memory need not.
 */
class AskedMask {
  readonly #areas: number;
  /** Those that were not there before. */
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

  /** Says it to C nfqlb, which has one mask and one client: what was there before is nobody's. */
  replace(): void {
    if (!this.#config) throw this.#failure;
    this.#config.traceMask = this.#areas;
  }

  /** Takes back what was said: another load balancer with the same memory is not to be told. */
  withdraw(): void {
    this.#config?.removeAreas(this.#added);
  }

  close(): void {
    this.#config?.close();
  }
}

async function connectTo(address: SocketAddress, mask: AskedMask): Promise<Socket> {
  try {
    return await connect(address);
  } catch (cause) {
    mask.withdraw();
    const where = formatSocketAddress(address);
    throw new TraceError('NOT_CONNECTED', describeUnreached(where, cause, 'nfqlb lb or nfqlb flowlb'), { cause });
  }
}

async function* eventsOf(socket: Socket, where: string, mask: AskedMask, request: TraceRequest): AsyncGenerator<TraceEvent> {
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
        throw new TraceError('NO_PACKETS', `${where}: this load balancer does not give packets, only lines`);
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
    `${where}: does not see that ${areaNames(asked & ~granted)} shall be traced; does it have another /dev/shm, or another NFQLB_TRACE_SHM?`,
  );
}
