import type { Running } from '../processes/running.js';
import type { Host, Target } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';

const PORT = 80;

/**
 * HTTP servers on all targets, which say which target they are (`X-Target`). `GET /N` answers with N octets; what is sent to them
 * (`PUT`) they count, and answer with its length.
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
  await running.says(/^ready$/m);
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
  /** How long it may take, seconds. */
  readonly patience: number;
  /** Default: `download`. */
  readonly direction?: 'download' | 'upload';
}

export interface Transfer {
  /** Of curl: 0 when all went well, 28 when time was over. */
  readonly status: number;
  /** Octets that came; for an upload, that the server got. */
  readonly octets: number;
  /** Who served, by number; 0 when nobody did. */
  readonly target: number;
}

/** Loads from the VIP, or to it, by curl. */
export async function transfer(net: Topology, from: Host, options: TransferOptions): Promise<Transfer> {
  const { family, octets, port, patience, direction = 'download' } = options;
  const vip = family === 4 ? net.vip4 : `[${net.vip6}]`;
  const curl = ['curl', '--silent', '--max-time', String(patience), '--output', direction === 'download' ? '/dev/null' : '-'];
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
