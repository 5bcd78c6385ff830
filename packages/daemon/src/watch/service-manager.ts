import { sendNotification } from '@nfqlb/native';
import { describeFailure } from '@nfqlb/options';
import { log } from '../log/log.js';

/** Signs of life in each watchdog period: two may be late or lost. */
const SIGNS_PER_PERIOD = 4;

/**
 * Tells the service manager, systemd, how the load balancer is: sd_notify(3). That it is ready; then, while it is healthy, that it is alive,
 * so that a load balancer that hangs is restarted (`WatchdogSec=` in its unit); and that it is stopping.
 */
export class ServiceManager {
  readonly #address: string;
  readonly #period: number | undefined;
  readonly #send: (address: string, text: string) => void;
  #isReady = false;
  #status: string | undefined;
  #alive = Number.NEGATIVE_INFINITY;
  #failed = false;
  #hasSuccessor = false;

  /**
   * @param address NOTIFY_SOCKET
   * @param period of the watchdog, in milliseconds; `undefined` if there is none
   */
  constructor(address: string, period?: number, send: (address: string, text: string) => void = sendNotification) {
    this.#address = address;
    this.#period = period;
    this.#send = send;
  }

  /** The one that started this process, if it wants to be told. Its variables are removed: child processes must not speak for this one. */
  static of(env: NodeJS.ProcessEnv, pid: number): ServiceManager | undefined {
    const { NOTIFY_SOCKET: address, WATCHDOG_USEC: microseconds, WATCHDOG_PID: watched } = env;
    for (const name of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[name];
    if (!address) return undefined;
    const isWatched = Number(microseconds) > 0 && (watched === undefined || Number(watched) === pid);
    return new ServiceManager(address, isWatched ? Number(microseconds) / 1000 : undefined);
  }

  /**
   * To be called often once the load balancer works. The first call says that it is ready.
   *
   * @param about what it does
   * @param problems why it is not healthy; empty if it is. Then it is not alive either, and will be restarted when the watchdog's period is over
   * @param now milliseconds of a monotonic clock: periods are the service manager's, however seldom a busy machine lets this be called
   */
  look(about: string, problems: readonly string[], now: number): void {
    const status = (problems.length === 0 ? about : `not healthy: ${problems.join('; ')}`).replaceAll('\n', ' ');
    const isAlive = this.#period !== undefined && problems.length === 0 && now >= this.#alive + this.#period / SIGNS_PER_PERIOD;
    const lines = [
      ...(this.#isReady ? [] : ['READY=1']),
      ...(status === this.#status ? [] : [`STATUS=${status}`]),
      ...(isAlive ? ['WATCHDOG=1'] : []),
    ];
    // What could not be sent is said again at the next call.
    if (lines.length === 0 || !this.#tell(lines)) return;
    this.#isReady = true;
    this.#status = status;
    if (isAlive) this.#alive = now;
  }

  /** The one that a process reports to which this one takes over from: it is told of this one by that one ({@link successor}). */
  static inherited(service: { readonly address: string; readonly period?: number } | undefined): ServiceManager | undefined {
    return service && new ServiceManager(service.address, service.period);
  }

  /** For another process that takes over. */
  get service(): { readonly address: string; readonly period?: number } {
    return { address: this.#address, ...(this.#period !== undefined && { period: this.#period }) };
  }

  /** Another process of this service is its main process from now on: this one says nothing more. */
  successor(pid: number): void {
    this.#tell([`MAINPID=${pid}`]);
    this.#hasSuccessor = true;
  }

  stopping(): void {
    this.#tell(['STOPPING=1', 'STATUS=stopping']);
  }

  #tell(lines: readonly string[]): boolean {
    if (this.#hasSuccessor) return true;
    try {
      this.#send(this.#address, lines.join('\n'));
      this.#failed = false;
      return true;
    } catch (error) {
      if (!this.#failed) log.warning(`the service manager cannot be told ${lines.join(' ')}: ${describeFailure(error)}`);
      this.#failed = true;
      return false;
    }
  }
}
