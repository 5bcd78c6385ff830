import type { Server as HttpServer } from 'node:http';
import type { Server } from 'node:net';
import { describeFailure } from '@nfqlb/options';
import { FLOW_DANGER, type FlowHandler, serveFlows } from '@nfqlb/protocol/flow';
import {
  type Access,
  descriptorOf,
  formatSocketAddress,
  type ListeningPlace,
  refuseWildcard,
  type SocketAddress,
} from '@nfqlb/protocol/sockets';
import { type Status, serveStatus, statusAddress } from '@nfqlb/protocol/status';
import { type Successor, serveTakeover, takeoverAddress } from '@nfqlb/protocol/takeover';
import { DEFAULT_TRACE_ADDRESS, TRACE_DANGER } from '@nfqlb/protocol/trace';
import { log } from '../log/log.js';
import { formatMetricsAddress, type MetricsAddress } from '../metrics/metrics-address.js';
import type { MetricsSource } from '../metrics/metrics-server.js';
import type { TakeOver } from '../takeover/take-over.js';
import type { Tracing } from '../trace/tracing.js';
import type { LoadBalancingOptions } from './load-balancing-options.js';

/** The sockets that listen for clients. Those of a process that is taken over from go on here, with the connections that wait in them. */
export class Sockets {
  readonly #options: LoadBalancingOptions;
  readonly #access: Access;
  readonly #before: TakeOver | undefined;
  readonly #servers = new Map<string, Server | HttpServer>();

  constructor(options: LoadBalancingOptions, access: Access, before: TakeOver | undefined) {
    this.#options = options;
    this.#access = access;
    this.#before = before;
  }

  /** Those that listen, by where they do. */
  get descriptors(): readonly (readonly [where: string, fd: number])[] {
    return [...this.#servers].flatMap(([where, server]) => {
      const fd = descriptorOf(server);
      return fd === undefined ? [] : [[where, fd] as const];
    });
  }

  /** Accepts no more connections. */
  close(): void {
    for (const server of this.#servers.values()) server.close();
  }

  /** Whether the other process has what flow commands and metrics need: if not, this must listen before that ends. */
  get inheritsFlowCommands(): boolean {
    return this.#before?.listens(formatSocketAddress(this.#options.flowAddress)) ?? false;
  }

  inheritsMetrics(address: MetricsAddress): boolean {
    return this.#before?.listens(metricsPlace(address)) ?? false;
  }

  /** Loads the HTTP server only when needed. */
  async openMetrics(address: MetricsAddress, source: MetricsSource): Promise<HttpServer> {
    const { serveMetrics } = await import('../metrics/metrics-server.js');
    const where = metricsPlace(address);
    return this.#keep(where, await serveMetrics(address, source, undefined, this.#before?.socket(where)));
  }

  /** Another load balancer may use the default address: then this one warns, and cannot be traced. An explicit address must work. */
  async listenForTraces(tracing: Tracing): Promise<void> {
    const { traceAddress, insecureListen } = this.#options;
    const address = traceAddress ?? DEFAULT_TRACE_ADDRESS;
    try {
      await tracing.listen(this.#placeOf(address), insecureListen);
      if (tracing.server) this.#keep(formatSocketAddress(address), tracing.server);
    } catch (error) {
      if (traceAddress) throw error;
      log.warning(`cannot be traced: ${describeFailure(error)}; --trace_address names another address`);
    }
  }

  /** `flowlb` needs flow commands. `lb` uses them only for trace flows: it warns, and continues without them. */
  async listenForFlowCommands(handler: FlowHandler): Promise<Server | undefined> {
    const { flowAddress, insecureListen, flows } = this.#options;
    try {
      const server = await serveFlows(this.#placeOf(flowAddress), handler, insecureListen, this.#access);
      return this.#keep(formatSocketAddress(flowAddress), server);
    } catch (error) {
      if (flows) throw error;
      log.warning(`has no trace flows: ${describeFailure(error)}; NFQLB_FLOW_ADDRESS names another address`);
      return undefined;
    }
  }

  /** Optional: without the status socket, it warns, and `nfqlb top` does not work. */
  async listenForStatus(report: () => Status): Promise<Server | undefined> {
    const { first } = this.#options.queues;
    const address = statusAddress(first);
    try {
      return this.#keep(formatSocketAddress(address), await serveStatus(first, report, this.#access, this.#placeOf(address)));
    } catch (error) {
      log.warning(`nfqlb top cannot show it: ${describeFailure(error)}`);
      return undefined;
    }
  }

  /** Optional, too: without it, there is no takeover from this process. */
  async listenForSuccessors(serve: (successor: Successor) => void): Promise<Server | undefined> {
    const address = takeoverAddress(this.#options.queues.first);
    try {
      return this.#keep(formatSocketAddress(address), await serveTakeover(this.#placeOf(address), serve));
    } catch (error) {
      log.warning(`nobody can take over from it: ${describeFailure(error)}`);
      return undefined;
    }
  }

  #placeOf(address: SocketAddress): ListeningPlace {
    return this.#before?.socket(formatSocketAddress(address)) ?? address;
  }

  #keep<S extends Server | HttpServer>(where: string, server: S): S {
    this.#servers.set(where, server);
    return server;
  }
}

export function closeHttp(server: HttpServer): void {
  server.close();
  server.closeAllConnections();
}

/** Refuses wildcard addresses, before listening to a queue. Warns about TCP, which does not identify clients. */
export function checkAddresses({ flows, flowAddress, traceAddress, insecureListen: insecure }: LoadBalancingOptions): void {
  if (flows) refuseWildcard(flowAddress, { insecure, danger: FLOW_DANGER });
  if (traceAddress) refuseWildcard(traceAddress, { insecure, danger: TRACE_DANGER });
  if (flowAddress.kind === 'tcp')
    log.warning(`${formatSocketAddress(flowAddress)}: whoever can connect there may change flows; a unix: address checks who connects`);
  if (traceAddress?.kind === 'tcp')
    log.warning(`${formatSocketAddress(traceAddress)}: whoever can connect there sees what is traced; a unix: address checks who connects`);
}

function metricsPlace(address: MetricsAddress): string {
  return `http:${formatMetricsAddress(address)}`;
}
