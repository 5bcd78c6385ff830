import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Running } from '../processes/running.js';
import type { Target } from '../topology/host.js';

/** Debian's packages of the servers. */
export const WEB_SERVERS = { nginx: 'nginx-light', haproxy: 'haproxy' };

/** nginx or HAProxy on a target, port 80 of all its addresses: `/` has status 200, `/broken` 503. */
export class WebServer implements AsyncDisposable {
  readonly #folder: string;
  readonly #target: Target;
  readonly #command: readonly string[];
  #running: Running | undefined;

  private constructor(target: Target, kind: keyof typeof WEB_SERVERS) {
    this.#target = target;
    this.#folder = mkdtempSync(join(tmpdir(), `nfqlb-${kind}-`));
    const file = join(this.#folder, 'configuration');
    writeFileSync(file, kind === 'nginx' ? nginx(this.#folder) : HAPROXY);
    this.#command = kind === 'nginx' ? ['nginx', '-c', file, '-e', 'stderr'] : ['haproxy', '-f', file];
  }

  static async start(target: Target, kind: keyof typeof WEB_SERVERS): Promise<WebServer> {
    const server = new WebServer(target, kind);
    await server.restart();
    return server;
  }

  /** Starts it again after {@link kill}. */
  async restart(): Promise<void> {
    const running = await this.#target.spawn(this.#command);
    this.#running = running;
    const listens = async (): Promise<boolean> => (await this.#target.run(['ss', '-Hltn', 'sport', '=', ':80'])).includes(':80');
    while (!(await listens())) if (running.ended) throw await running.failure('ended on start');
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    await this.#running?.stop('SIGKILL');
    this.#running = undefined;
  }

  /** Connections are still made, by the kernel, but nothing answers. */
  pause(): void {
    this.#running!.signal('SIGSTOP');
  }

  resume(): void {
    this.#running!.signal('SIGCONT');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    rmSync(this.#folder, { recursive: true });
  }
}

/** One process, so that a signal stops all of it. */
function nginx(folder: string): string {
  const paths = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join(' ');
  return `
daemon off; master_process off; pid ${folder}/pid;
events {}
http {
  access_log off; ${paths}
  server { listen 80; listen [::]:80; location / { return 200 ok; } location /broken { return 503; } }
}`;
}

const HAPROXY = `
global
  nbthread 1
defaults
  mode http
  timeout client 5s
frontend web
  bind :80
  bind :::80 v6only
  http-request return status 503 if { path /broken }
  http-request return status 200 content-type text/plain string ok
`;
