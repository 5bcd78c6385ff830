import type { LbHost } from '../topology/host.js';

const PORT = 4711;

/** `NFQLB_FLOW_ADDRESS` of a `flowlb` that {@link sayToFlowLb} reaches. */
export const FLOW_ADDRESS: string = `tcp:127.0.0.1:${PORT}`;

/**
 * Says requests as they are, one after the other, each on a connection of its own: many more a second than commands could be started.
 *
 * @param interval milliseconds from one to the next; default: as fast as they are answered
 * @returns how many were answered `OK`
 */
export async function sayToFlowLb(lb: LbHost, requests: readonly string[], interval = 0): Promise<number> {
  return (await repliesOfFlowLb(lb, requests, interval)).filter((reply) => reply === 'OK').length;
}

/** As {@link sayToFlowLb}. Gives what was answered, without the NULs. */
export async function repliesOfFlowLb(lb: LbHost, requests: readonly string[], interval = 0): Promise<string[]> {
  return JSON.parse(await lb.run([process.execPath, '-e', PROGRAM, String(interval)], { input: JSON.stringify(requests) }));
}

const PROGRAM = `
const { connect } = require('node:net');
const { text } = require('node:stream/consumers');
(async () => {
  const replies = [];
  for (const request of JSON.parse(await text(process.stdin))) {
    const begin = performance.now();
    const socket = connect(${PORT}, '127.0.0.1');
    socket.write(request);
    replies.push((await text(socket)).replaceAll('\\0', ''));
    const rest = Number(process.argv[1]) - (performance.now() - begin);
    if (rest > 0) await new Promise((resolve) => setTimeout(resolve, rest));
  }
  process.stdout.write(JSON.stringify(replies));
})();
`;
