import { rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Running } from '../processes/running.js';

const RECEIVER = `
import socket, sys
receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
receiver.bind(sys.argv[1])
print("bound", flush=True)
while True: print(receiver.recv(65536).decode(), flush=True)`;

/** What a service tells its service manager: sd_notify(3). */
export class Notifications implements AsyncDisposable {
  /** For NOTIFY_SOCKET. */
  readonly address: string;
  readonly #running: Running;

  private constructor(address: string, running: Running) {
    this.address = address;
    this.#running = running;
  }

  static async receive(): Promise<Notifications> {
    const address = join(tmpdir(), `nfqlb-notify-${process.pid}`);
    rmSync(address, { force: true });
    const running = await Running.start(['python3', '-c', RECEIVER, address]);
    await running.waitForOutput(/^bound$/m, 30_000);
    return new Notifications(address, running);
  }

  /** All lines so far. */
  get lines(): readonly string[] {
    return this.#running.stdout.split('\n').slice(1, -1);
  }

  /** How often it has said that it is alive. */
  get signsOfLife(): number {
    return this.lines.filter((line) => line === 'WATCHDOG=1').length;
  }

  async waitFor(line: RegExp, timeoutMs = 10_000): Promise<void> {
    await this.#running.waitForOutput(line, timeoutMs);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#running.stop();
    rmSync(this.address, { force: true });
  }
}
