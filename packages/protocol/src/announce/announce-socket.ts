// `nfqlb announce drain` and `resume` reach `nfqlb run` over an abstract unix socket, whose name contains the first queue's number, as that of the
// status does. A request is a line with one word; the reply is JSON.

import type { Server } from 'node:net';
import { printable } from '@nfqlb/core/explanation';
import type { Access } from '../sockets/access.js';
import { exchange } from '../sockets/exchange.js';
import { type ServedClient, serve } from '../sockets/serve.js';
import type { SocketAddress } from '../sockets/socket-address.js';

/** `drain`: no VIP is announced, while packets are balanced as before; `resume`: they are announced again. */
export type AnnounceOrder = 'drain' | 'resume';

const addressOf = (queue: number): SocketAddress => ({ kind: 'unix', name: `nfqlb-announce-${queue}` });

/** For a request to arrive, and for a reply to be read. */
const TIMEOUT_MS = 2000;

const MAX_CLIENTS = 8;

/** Octets of a request; the words are shorter. */
const MAX_REQUEST = 64;

/** Octets of a reply. */
const MAX_REPLY = 4096;

/** An order was not carried out. */
export class AnnounceError extends Error {
  override readonly name = 'AnnounceError';
  readonly code = 'NOT_ANNOUNCED';
}

/**
 * @param queue the load balancer's first queue
 * @param obey carries out an order
 * @param access who may give orders
 */
export async function serveAnnounce(queue: number, obey: (order: AnnounceOrder) => void, access: Access): Promise<Server> {
  const formatRefusal = (refused: string): string => JSON.stringify({ refused });
  return await serve(
    addressOf(queue),
    {
      ...{ access, needs: 'full', purpose: 'say whether VIPs are announced', danger: 'withdraw VIPs' },
      ...{ maxClients: MAX_CLIENTS, timeoutMs: TIMEOUT_MS, formatRefusal },
    },
    (client) =>
      whenAsked(client, (request) => {
        if (request !== 'drain' && request !== 'resume') return formatRefusal('no such order: must be drain or resume');
        obey(request);
        return JSON.stringify({ done: request });
      }),
  );
}

/** Answers the first line. */
function whenAsked(client: ServedClient, answer: (request: string) => string): void {
  let request = '';
  let isAnswered = false;
  client.setDeadline(TIMEOUT_MS);
  client.socket.on('data', (chunk) => {
    if (isAnswered) return;
    request += chunk.toString('latin1');
    const end = request.indexOf('\n');
    if (end < 0 && request.length <= MAX_REQUEST) return;
    isAnswered = true;
    client.end(answer(end < 0 ? '' : request.slice(0, end)));
  });
}

/**
 * @param queue the load balancer's first queue
 * @throws {@link AnnounceError}
 */
export async function sendAnnounce(queue: number, order: AnnounceOrder): Promise<void> {
  const about = `the load balancer of queue ${queue}`;
  let reply: { readonly done?: unknown; readonly refused?: unknown } | null;
  try {
    const text = await exchange(addressOf(queue), { request: `${order}\n`, timeoutMs: TIMEOUT_MS, maxReply: MAX_REPLY });
    reply = JSON.parse(text.toString());
  } catch (cause) {
    const why = cause instanceof SyntaxError ? 'its reply is not JSON' : (cause as Error).message;
    throw new AnnounceError(`${about}: ${why}`, { cause });
  }
  if (typeof reply?.refused === 'string') throw new AnnounceError(`${about}: ${printable(reply.refused)}`);
  if (reply?.done !== order) throw new AnnounceError(`${about}: it has not answered the order`);
}
