import type { LbHost } from '../topology/host.js';

const PORT = 4711;

/** `NFQLB_FLOW_ADDRESS` of a `flowlb` that {@link sendToFlowLb} can reach. */
export const FLOW_ADDRESS: string = `tcp:127.0.0.1:${PORT}`;

/**
 * Sends raw requests one after another, each on its own connection: many more per second than by starting commands.
 *
 * @param interval milliseconds between requests; default: as fast as they are answered
 * @returns how many were answered `OK`
 */
export async function sendToFlowLb(lb: LbHost, requests: readonly string[], interval = 0): Promise<number> {
  return (await repliesOfFlowLb(lb, requests, interval)).filter((reply) => reply === 'OK').length;
}

/** Like {@link sendToFlowLb}, but returns the replies, without NULs. */
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
