import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type Answer, decode, encode, RECURSION_AVAILABLE, type RecordType } from 'dns-packet';

/** By name and type, such as `web.test A`; absent names do not exist. */
export type Zone = Record<string, readonly Answer[]>;

/** RFC 1035 §4.1.1. */
const SERVFAIL = 2;
const NXDOMAIN = 3;

/** A DNS server over UDP. */
export class DnsServer implements AsyncDisposable {
  readonly #socket: Socket = createSocket('udp4');
  /** What it answers, from now on: a zone, a failure, or nothing at all. */
  zone: Zone | 'failure' | 'silence' = {};
  /** Questions that fail, whatever the zone says. */
  readonly failing: Set<string> = new Set();
  /** What it was asked, such as `web.test A`. */
  readonly questions: string[] = [];

  static async start(): Promise<DnsServer> {
    const server = new DnsServer();
    server.#socket.on('message', (octets, { port, address }) => {
      const answer = server.#answer(octets);
      if (answer) server.#socket.send(answer, port, address);
    });
    server.#socket.bind(0, '127.0.0.1');
    await once(server.#socket, 'listening');
    return server;
  }

  get address(): string {
    return `127.0.0.1:${this.#socket.address().port}`;
  }

  #answer(octets: Buffer): Buffer | undefined {
    const { id = 0, questions = [] } = decode(octets);
    const [question] = questions;
    const { zone } = this;
    if (zone === 'silence' || !question) return undefined;
    const { name } = question;
    this.questions.push(`${name} ${question.type}`);
    const answers = zone === 'failure' ? undefined : zone[`${name} ${question.type}`];
    const isKnown = zone !== 'failure' && (['A', 'AAAA', 'SRV'] as RecordType[]).some((type) => zone[`${name} ${type}`]);
    const code = zone === 'failure' || this.failing.has(`${name} ${question.type}`) ? SERVFAIL : isKnown ? 0 : NXDOMAIN;
    return encode({ type: 'response', id, flags: RECURSION_AVAILABLE | code, questions, answers: [...(answers ?? [])] });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.close();
    await once(this.#socket, 'close');
  }
}

export function a(name: string, ttl: number, ...addresses: readonly string[]): Answer[] {
  return addresses.map((data) => ({ type: data.includes(':') ? 'AAAA' : 'A', name, ttl, data }));
}

export function srv(
  name: string,
  ttl: number,
  ...records: readonly (readonly [priority: number, weight: number, target: string])[]
): Answer[] {
  return records.map(([priority, weight, target]) => ({ type: 'SRV', name, ttl, data: { priority, weight, port: 80, target } }));
}
