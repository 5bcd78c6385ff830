import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/** Between a client and a server: a network that can be cut, can lose everything, and can be slow in one direction. */
export class BadNetwork implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #watches = new Set<Socket>();
  #isCut = false;
  #isSilent = false;

  private constructor(to: URL) {
    this.#server = createServer((client) => {
      if (this.#isCut) {
        client.destroy();
        return;
      }
      const server = connect(Number(to.port), to.hostname);
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => {});
        socket.on('close', () => {
          this.#sockets.delete(socket);
          this.#watches.delete(socket);
          client.destroy();
          server.destroy();
        });
      }
      client.on('data', (octets) => {
        if (octets.includes('/v3/watch')) this.#watches.add(server);
        if (!this.#isSilent) server.write(octets);
      });
      server.on('data', (octets) => {
        if (!this.#isSilent) client.write(octets);
      });
    });
  }

  static async start(to: string): Promise<BadNetwork> {
    const network = new BadNetwork(new URL(to));
    network.#server.listen(0, '127.0.0.1');
    await once(network.#server, 'listening');
    return network;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Ends all connections, and refuses new ones. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Takes octets of all connections, old and new, and forwards none: as a network that loses all packets. */
  silence(): void {
    this.#isSilent = true;
  }

  /** What the present watches of etcd bring is not taken: as a network that is too slow for them. Other connections are as before. */
  stallWatches(): void {
    for (const socket of this.#watches) socket.pause();
  }

  /** As at first. What was lost is lost. */
  restore(): void {
    this.#isCut = false;
    this.#isSilent = false;
    for (const socket of this.#watches) socket.resume();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.cut();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
