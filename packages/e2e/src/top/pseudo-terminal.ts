import { E2eError } from '../e2e-error.js';
import { run } from '../processes/running.js';
import type { Namespace } from '../topology/namespace.js';

/** A shell on a tmux terminal in a namespace, or wherever `run` runs it. Disposing of it ends both. */
export class PseudoTerminal implements AsyncDisposable {
  static #number = 0;
  readonly #socket: string;

  private constructor(socket: string) {
    this.#socket = socket;
  }

  static async open(host: Pick<Namespace, 'run'>, columns: number, rows: number): Promise<PseudoTerminal> {
    const terminal = new PseudoTerminal(`nfqlb-test-${process.pid}-${PseudoTerminal.#number++}`);
    const size = ['-x', String(columns), '-y', String(rows)];
    await host.run([...terminal.#tmux(), 'new-session', '-d', ...size, 'env', 'PS1=$ ', 'sh'], { env: { LC_ALL: 'C.UTF-8' } });
    await terminal.#run('set-option', 'status', 'off');
    await terminal.waitForScreen(/^\$ *$/m);
    return terminal;
  }

  /** The visible lines. */
  async screen(): Promise<string[]> {
    return (await this.#run('capture-pane', '-p')).replace(/\n$/, '').split('\n');
  }

  /** The visible lines, with escape sequences for colours, bold and reverse. */
  async colouredScreen(): Promise<string[]> {
    return (await this.#run('capture-pane', '-p', '-e')).replace(/\n$/, '').split('\n');
  }

  /** Waits until the screen matches, and returns its lines. */
  async waitForScreen(pattern: RegExp, timeoutMs = 15_000): Promise<string[]> {
    for (const deadline = Date.now() + timeoutMs; ; ) {
      const screen = await this.screen();
      if (pattern.test(screen.join('\n'))) return screen;
      if (Date.now() > deadline) throw new E2eError('timed-out', `the terminal does not show ${pattern}:\n${screen.join('\n')}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  /** Presses keys, by their tmux names: `q`, `C-c`, `Tab`, `Enter`. */
  async press(...keys: readonly string[]): Promise<void> {
    await this.#run('send-keys', ...keys);
  }

  /** Types a line. */
  async type(line: string): Promise<void> {
    await this.#run('send-keys', '-l', line);
    await this.press('Enter');
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#run('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** Terminal modes that a program may have changed: alternate screen, cursor visibility, line wrapping. */
  async modes(): Promise<string> {
    return (await this.#run('display-message', '-p', 'alternate=#{alternate_on} cursor=#{cursor_flag} wrap=#{wrap_flag}')).trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#run('kill-server').catch(() => {});
  }

  #tmux(): string[] {
    return ['tmux', '-L', this.#socket, '-f', '/dev/null'];
  }

  #run(...args: readonly string[]): Promise<string> {
    return run([...this.#tmux(), ...args]);
  }
}
