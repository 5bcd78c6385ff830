import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Running } from '../processes/running.js';
import type { Host } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';
import { type OptionValue, optionWords } from './program.js';

const PACKAGE = fileURLToPath(new URL('../..', import.meta.url));
const PROGRAM = `${PACKAGE}/build/sctp`;
const SOURCES = ['sctp/sctp.c', 'options.c', 'endpoint.c', 'failure.c', 'stop-signal.c'];

/**
 * Compiles traffic/sctp. It is not part of the package's build, since only it needs libusrsctp.
 *
 * @returns what is missing to compile it; `undefined` if it is compiled
 */
export function buildSctp(): string | undefined {
  mkdirSync(`${PACKAGE}/build`, { recursive: true });
  const flags = ['-std=c11', '-D_GNU_SOURCE', '-O2', '-Wall', '-Wextra', '-Werror', '-I.', '-o', PROGRAM];
  const { status, stderr } = spawnSync('cc', [...flags, ...SOURCES, '-lusrsctp', '-pthread'], {
    cwd: `${PACKAGE}/traffic`,
    encoding: 'utf8',
  });
  if (status === 0) return undefined;
  if (stderr?.includes('usrsctp.h')) return 'libusrsctp (Debian package libusrsctp-dev)';
  throw new Error(`traffic/sctp: ${stderr || 'no C compiler'}`);
}

/** The service's port. */
export const SCTP_PORT = 6000;
/** The UDP port for SCTP in UDP (RFC 6951). */
export const ENCAP_PORT = 9899;

function command(name: string, options: Readonly<Record<string, OptionValue>>): string[] {
  return [PROGRAM, name, ...optionWords(options)];
}

/** Receives the messages of {@link SctpSender}s at these addresses on all targets, over plain SCTP and in UDP. */
export class SctpServers implements AsyncDisposable {
  readonly #running: readonly Running[];

  private constructor(running: readonly Running[]) {
    this.#running = running;
  }

  static async start(net: Topology, addresses: readonly string[]): Promise<SctpServers> {
    const serve = command('serve', { bind: addresses, port: SCTP_PORT, udp: ENCAP_PORT });
    const running = await Promise.all(net.targets.map((target) => target.spawn(serve)));
    for (const server of running) await server.waitForOutput(/"ready"/);
    return new SctpServers(running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#running.map((server) => server[Symbol.asyncDispose]()));
  }
}

export interface SctpSendOptions {
  /** The client's own addresses, of one family or of both. */
  readonly from: readonly string[];
  /** One association per port. */
  readonly fromPorts: readonly number[];
  /** The service's address on the primary path; the service announces the others. */
  readonly to: string;
  /** The client's UDP port, for SCTP in UDP. Default: plain SCTP. */
  readonly udp?: number;
  /** Messages. Default: until stopped. */
  readonly count?: number;
  /** Messages/s. Default: as fast as possible. */
  readonly rate?: number;
  /** Length of a message. Default 1000. */
  readonly octets?: number;
}

/** Messages of an association: how many were sent, and how many the server found received, out of order, and changed. */
export interface SctpReport {
  /** The client's. */
  readonly port: number;
  readonly sent: number;
  readonly received: number;
  readonly disordered: number;
  readonly damaged: number;
}

/** Sends numbered messages in one or more associations. */
export class SctpSender implements AsyncDisposable {
  readonly #running: Running;
  readonly #ports: readonly number[];

  private constructor(running: Running, ports: readonly number[]) {
    this.#running = running;
    this.#ports = ports;
  }

  static async start(client: Host, options: SctpSendOptions): Promise<SctpSender> {
    const { from, fromPorts, to, udp, count, rate, octets } = options;
    const encapsulated = udp === undefined ? {} : { udp, 'to-udp': ENCAP_PORT };
    const send = { bind: from, 'from-port': fromPorts.map(String), to, port: SCTP_PORT, ...encapsulated, count: count ?? 0, rate, octets };
    return new SctpSender(await client.spawn(command('send', send)), fromPorts);
  }

  /** Waits until all associations have begun. */
  async associated(): Promise<void> {
    for (const port of this.#ports) await this.#running.waitForOutput(new RegExp(`"port":${port},"event":"associated"`), 10_000);
  }

  /**
   * Waits until the path to an address of the service is in a state: `confirmed` by the first acknowledged heartbeat,
   * `unreachable`, or `available` again.
   */
  async path(address: string, state: 'confirmed' | 'unreachable' | 'available'): Promise<void> {
    await this.#running.waitForOutput(new RegExp(`"address":"${address}","state":"${state}"`), 10_000);
  }

  /** Waits until the server has all messages; returns its reports, sorted by port. */
  async finish(): Promise<SctpReport[]> {
    const events = (await this.#running.output())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as SctpReport & { event: string });
    return events
      .filter(({ event }) => event === 'done')
      .map(({ event, ...report }) => report)
      .sort((a, b) => a.port - b.port);
  }

  /** Stops after one last message per association. */
  async stop(): Promise<SctpReport[]> {
    this.#running.signal('SIGTERM');
    return await this.finish();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}
