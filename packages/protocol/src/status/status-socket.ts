// A load balancer sends its status as JSON to each client that connects to its abstract unix socket. The socket's name contains the first queue's
// number. Queue and socket both belong to one program of a network namespace, so several load balancers can be told apart, and one that was
// killed leaves nothing behind.

import { readFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { printable } from '@nfqlb/core/explanation';
import { Access } from '../sockets/access.js';
import { exchange } from '../sockets/exchange.js';
import { serve } from '../sockets/serve.js';
import type { ListeningPlace, SocketAddress } from '../sockets/socket-address.js';
import type { Status } from './status.js';
import { faultIn } from './status-check.js';

const PREFIX = 'nfqlb-status-';

/** Timeout of the server for a client that reads a status, and of the client for the reply. */
const ANSWER_TIMEOUT_MS = 2000;

/** After how long somebody who waits for a status is told so, in milliseconds. Usually it comes within a few. */
const SILENCE_MS = 300;

/** Maximum length of a status, in octets: 10,000 flows with the longest names (1000 characters) take a third of it. */
const MAX_STATUS = 32 * 2 ** 20;

/** Maximum number of clients; more are disconnected. */
const MAX_CLIENTS = 32;

/** The status of a load balancer is not available. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code = 'NO_STATUS';
}

export const statusAddress = (queue: number): SocketAddress => ({ kind: 'unix', name: `${PREFIX}${queue}` });

/**
 * @param queue the load balancer's first queue
 * @param access who may read it
 * @param place default: the address for that queue
 */
export async function serveStatus(
  queue: number,
  report: () => Status,
  access: Access = new Access(),
  place: ListeningPlace = statusAddress(queue),
): Promise<Server> {
  let last: { readonly status: Status; readonly text: string } | undefined;
  return await serve(
    place,
    {
      ...{ access, needs: 'read', purpose: 'read the status', danger: 'read' },
      ...{ maxClients: MAX_CLIENTS, timeoutMs: ANSWER_TIMEOUT_MS },
      formatRefusal: (refused) => JSON.stringify({ refused }),
    },
    (client) => {
      const status = report();
      // A report is serialized once, however many clients ask for it.
      if (last?.status !== status) last = { status, text: JSON.stringify(status) };
      client.end(last.text);
    },
  );
}

/** First queues of all load balancers that run in this network namespace. */
export function findLoadBalancers(): number[] {
  const names = readFileSync('/proc/net/unix', 'utf8').matchAll(new RegExp(`@${PREFIX}(\\d{1,5})$`, 'gm'));
  // Each connection has its own line, too.
  return [...new Set(Array.from(names, ([, queue]) => Number(queue)))].sort((a, b) => a - b);
}

/**
 * @param queue the load balancer's first queue
 * @throws {@link StatusError}
 */
export async function askStatus(queue: number): Promise<Status> {
  try {
    const reply = await exchange(statusAddress(queue), { timeoutMs: ANSWER_TIMEOUT_MS, maxReply: MAX_STATUS });
    const status = JSON.parse(reply.toString()) as (Status & { readonly refused?: unknown }) | null;
    if (typeof status?.refused === 'string') throw new Error(printable(status.refused));
    const fault = faultIn(status);
    if (fault === 'format') throw new Error('it runs another version than this program');
    if (fault !== undefined) throw new Error(`its reply is not a status: ${printable(fault)}`);
    return status!;
  } catch (cause) {
    const { message } = cause as Error;
    throw new StatusError(`the load balancer of queue ${queue}: ${cause instanceof SyntaxError ? 'its reply is not a status' : message}`, {
      cause,
    });
  }
}

/**
 * The statuses of all load balancers of this network namespace that answer, and answer this user; in the order of their queues.
 *
 * @param tell is told which load balancer is waited for, if one is silent, and if it stays so
 */
export async function askAllStatuses(tell: (line: string) => void = () => {}): Promise<Status[]> {
  const answers = await Promise.all(
    findLoadBalancers().map(async (queue) => {
      let isSilent = false;
      const silence = setTimeout(() => {
        isSilent = true;
        tell(`the load balancer of queue ${queue} does not answer; waiting for up to ${ANSWER_TIMEOUT_MS / 1000} s`);
      }, SILENCE_MS);
      try {
        return await askStatus(queue);
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        if (isSilent) tell(error.message);
        return undefined;
      } finally {
        clearTimeout(silence);
      }
    }),
  );
  return answers.filter((status) => status !== undefined);
}
