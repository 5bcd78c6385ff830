import type { Running } from '../processes/running.js';
import type { Host, Target } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';

const PORT = 80;

/**
 * HTTP servers on all targets, which report their target number (`X-Target`). `GET /N` answers with N octets; `PUT` answers with the
 * number of octets received.
 */
export class WebServers implements AsyncDisposable {
  readonly #running: readonly Running[];

  private constructor(running: readonly Running[]) {
    this.#running = running;
  }

  static async start(net: Topology): Promise<WebServers> {
    const running = await Promise.all(net.targets.map((target) => serve(target)));
    return new WebServers(running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((server) => server[Symbol.asyncDispose]()));
  }
}

async function serve(target: Target): Promise<Running> {
  const running = await target.spawn([process.execPath, '-e', SERVER, String(target.number)]);
  await running.waitForOutput(/^ready$/m);
  return running;
}

const SERVER = `
require('node:http').createServer(async (request, response) => {
  response.setHeader('X-Target', process.argv[1]);
  let got = 0;
  for await (const chunk of request) got += chunk.length;
  response.end(request.method === 'GET' ? Buffer.alloc(Number(request.url.slice(1)), 'x') : String(got));
}).listen(${PORT}, '::', () => console.log('ready'));
`;

export interface TransferOptions {
  readonly family: 4 | 6;
  readonly octets: number;
  /** The client's. Default: any. */
  readonly port?: number;
  /** Seconds. */
  readonly timeout: number;
  /** Default: `download`. */
  readonly direction?: 'download' | 'upload';
}

export interface Transfer {
  /** curl's exit status: 0 on success, 28 on timeout. */
  readonly status: number;
  /** Octets received; for an upload, by the server. */
  readonly octets: number;
  /** Number of the target that answered; 0 if none did. */
  readonly target: number;
}

/** Downloads from the VIP or uploads to it, with curl. */
export async function transfer(net: Topology, from: Host, options: TransferOptions): Promise<Transfer> {
  const { family, octets, port, timeout, direction = 'download' } = options;
  const vip = family === 4 ? net.vip4 : `[${net.vip6}]`;
  const curl = ['curl', '--silent', '--max-time', String(timeout), '--output', direction === 'download' ? '/dev/null' : '-'];
  if (port !== undefined) curl.push('--local-port', String(port));
  if (direction === 'upload') curl.push('--upload-file', '-', '--header', 'Expect:');
  curl.push('--write-out', '\n%{exitcode} %{size_download} %header{x-target}', `http://${vip}/${octets}`);
  const input = direction === 'upload' ? 'x'.repeat(octets) : '';
  await using running = await from.spawn(curl, { input });
  await running.exited;
  const [body, line] = running.stdout.split('\n');
  const [status, size, target] = line!.split(' ').map(Number);
  return { status: status!, octets: direction === 'upload' ? Number(body) : size!, target: target! };
}
