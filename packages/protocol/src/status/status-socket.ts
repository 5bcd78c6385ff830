// How a load balancer's status is asked for: by a connection to an abstract unix socket, on which it is sent as JSON. The name has the first
// of its queues, which belongs to one program of a network namespace, as the socket does: so there may be many, each is found, and nothing
// is left of one that was killed.

import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { printable } from '@nfqlb/core/explanation';
import { Access, refusal } from '../sockets/access.js';
import { connect } from '../sockets/connect.js';
import { listen } from '../sockets/listen.js';
import type { SocketAddress } from '../sockets/socket-address.js';
import type { Status } from './status.js';
import { faultIn } from './status-check.js';

const PREFIX = 'nfqlb-status-';

/** How long a client may take for taking it, and how long it waits for it, in milliseconds. */
const ANSWER_TIMEOUT_MS = 2000;

/** Octets of a status, at most: 10,000 flows with the longest names (1000 characters) take a third of it. Anybody may have taken the name. */
const MAX_STATUS = 32 * 2 ** 20;

/** Clients at a time; more are turned away. */
const MAX_CLIENTS = 32;

/** A load balancer that could not be asked. */
export class StatusError extends Error {
  override readonly name = 'StatusError';
  readonly code = 'NO_STATUS';
}

const addressOf = (queue: number): SocketAddress => ({ kind: 'unix', name: `${PREFIX}${queue}` });

/**
 * @param queue the first of the load balancer's
 * @param access who may read it
 */
export async function serveStatus(queue: number, report: () => Status, access: Access = new Access()): Promise<Server> {
  let last: { readonly status: Status; readonly text: string } | undefined;
  const server = createServer((socket) => {
    const deadline = setTimeout(() => socket.destroy(), ANSWER_TIMEOUT_MS);
    socket.on('error', () => socket.destroy());
    socket.on('close', () => clearTimeout(deadline));
    // What it says is of no interest.
    socket.resume();
    const rights = access.rightsOf(socket);
    if (!rights.read) {
      socket.end(JSON.stringify({ refused: refusal(rights, 'read the status') }), () => socket.destroy());
      return;
    }
    const status = report();
    // One report is written once, however many ask.
    if (last?.status !== status) last = { status, text: JSON.stringify(status) };
    socket.end(last.text);
  });
  server.maxConnections = MAX_CLIENTS;
  await listen(server, addressOf(queue), { danger: 'read' });
  return server;
}

/** The load balancers that run in this network namespace, by the first of their queues. */
export function findLoadBalancers(): number[] {
  const names = readFileSync('/proc/net/unix', 'utf8').matchAll(new RegExp(`@${PREFIX}(\\d{1,5})$`, 'gm'));
  // Each connection has a line of its own, too.
  return [...new Set(Array.from(names, ([, queue]) => Number(queue)))].sort((a, b) => a - b);
}

/**
 * @param queue the first of the load balancer's
 * @throws {@link StatusError}
 */
export async function askStatus(queue: number): Promise<Status> {
  try {
    const socket = await connect(addressOf(queue));
    const deadline = setTimeout(() => socket.destroy(new Error(`no answer within ${ANSWER_TIMEOUT_MS} ms`)), ANSWER_TIMEOUT_MS);
    try {
      const chunks: Buffer[] = [];
      let octets = 0;
      for await (const chunk of socket as AsyncIterable<Buffer>) {
        octets += chunk.length;
        if (octets > MAX_STATUS) throw new Error(`it says more than ${MAX_STATUS} octets`);
        chunks.push(chunk);
      }
      const status = JSON.parse(Buffer.concat(chunks).toString()) as (Status & { readonly refused?: unknown }) | null;
      if (typeof status?.refused === 'string') throw new Error(printable(status.refused));
      const fault = faultIn(status);
      if (fault === 'format') throw new Error('it is of another version than this program');
      if (fault !== undefined) throw new Error(`what it says is not a status: ${printable(fault)}`);
      return status!;
    } finally {
      clearTimeout(deadline);
      socket.destroy();
    }
  } catch (cause) {
    const { message } = cause as Error;
    throw new StatusError(`the load balancer of queue ${queue}: ${cause instanceof SyntaxError ? 'it said nothing' : message}`, { cause });
  }
}
