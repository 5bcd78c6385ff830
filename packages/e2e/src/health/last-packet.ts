import type { Running } from '../processes/running.js';
import type { Target } from '../topology/host.js';
import type { Topology } from '../topology/topology.js';

/** Watches, on the load balancer's wire to a target, when clients' packets go there. */
export class LastPacket implements AsyncDisposable {
  readonly #running: Running;

  private constructor(running: Running) {
    this.#running = running;
  }

  static async watch(net: Topology, target: Target): Promise<LastPacket> {
    const { own } = net.lb.wire(target.host);
    const filter = `dst host ${net.vip4} and not src host ${own.ipv4}`;
    const running = await net.lb.spawn([
      'tcpdump',
      '-i',
      own.device,
      '-n',
      '-tt',
      '-l',
      '--immediate-mode',
      '-Q',
      'out',
      ...filter.split(' '),
    ]);
    while (!running.stderr.includes('listening on')) {
      if (running.ended) throw await running.failure('ended on start');
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return new LastPacket(running);
  }

  /** Time of the last packet so far, ms since 1970; `undefined` if there was none. */
  get at(): number | undefined {
    const last = this.#running.stdout.trimEnd().split('\n').at(-1);
    return last ? Number(last.split(' ')[0]) * 1000 : undefined;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#running[Symbol.asyncDispose]();
  }
}
