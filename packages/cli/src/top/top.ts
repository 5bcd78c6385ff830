// `nfqlb top`: polls the status of a load balancer and shows the changes, full-screen on a terminal and as lines elsewhere.

import { canRedraw, isStyled } from '@nfqlb/options';
import type { Status } from '@nfqlb/protocol/status';
import { askStatus, findLoadBalancers, StatusError } from '@nfqlb/protocol/status';
import { type Figures, figuresOf } from './figures.js';
import { figuresAsJson } from './json-line.js';
import { plainLines } from './plain-lines.js';
import { drawScreen } from './screen.js';
import { Terminal } from './terminal.js';

export interface TopOptions {
  /** Seconds between updates. */
  readonly interval: number;
  /** One of the load balancer's queues. Default: any load balancer; as lines, all of them. */
  readonly queue: number | undefined;
  /** End after this many updates. Default: never. */
  readonly count: number | undefined;
  /** Print lines of JSON. */
  readonly json: boolean;
}

/** The last status of each load balancer, by its first queue. */
class Observed {
  readonly #last = new Map<number, Status>();

  /** Asks for the current status. Throws {@link StatusError}. */
  async ask(first: number): Promise<{ readonly status: Status; readonly figures: Figures | undefined }> {
    const status = await askStatus(first);
    const figures = figuresOf(this.#last.get(first), status);
    this.#last.set(first, status);
    return { status, figures };
  }
}

/** The load balancers to show, by first queue. Throws {@link StatusError} when there is none. */
async function find(queue: number | undefined): Promise<number[]> {
  const firsts = findLoadBalancers();
  if (firsts.length === 0) {
    throw new StatusError('no load balancer runs in this network namespace; for another, use ip netns exec NAME nfqlb top');
  }
  if (queue === undefined) return firsts;
  // Most likely the last one that begins at or before the queue.
  for (const first of firsts.filter((number) => number <= queue).reverse()) {
    if ((await askStatus(first)).queues.some((one) => one.queue === queue)) return [first];
  }
  throw new StatusError(`no load balancer listens to queue ${queue}; those that run listen from queue ${firsts.join(', ')} on`);
}

/** Shows figures until it is told to end. Throws {@link StatusError} when there is no load balancer at the start. */
export async function top(options: TopOptions): Promise<void> {
  const ending = new AbortController();
  const end = (): void => ending.abort();
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, end);
  await find(options.queue);
  const { stdout, stdin } = process;
  await (canRedraw(stdout) && !options.json ? showScreen(options, ending) : printLines(options, ending.signal));
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.off(signal, end);
  // Reading keys would keep the process alive.
  if (stdin.isTTY) stdin.unref();
}

async function printLines({ interval, queue, count = Number.POSITIVE_INFINITY, json }: TopOptions, ending: AbortSignal): Promise<void> {
  const observed = new Observed();
  for (let shown = 0; shown < count; ) {
    const begin = performance.now();
    const now = new Date();
    const answers = await Promise.all((await find(queue)).map((first) => observed.ask(first)));
    const figures = answers.flatMap((answer) => answer.figures ?? []);
    for (const one of figures) {
      const lines = json ? [JSON.stringify(figuresAsJson(one, now))] : plainLines(one, now.toTimeString().slice(0, 8));
      process.stdout.write(`${lines.join('\n')}\n`);
    }
    if (figures.length > 0 && ++shown === count) return;
    await pause(interval * 1000 - (performance.now() - begin), ending);
    if (ending.aborted) return;
  }
}

async function showScreen({ interval, queue, count = Number.POSITIVE_INFINITY }: TopOptions, ending: AbortController): Promise<void> {
  const observed = new Observed();
  let index = 0;
  let firsts: readonly number[] = [];
  let status: Status | undefined;
  let figures: Figures | undefined;
  let trouble: string | undefined;
  let next = new AbortController();
  const view = (): Parameters<typeof drawScreen>[0] => ({ status, figures, trouble, index, count: firsts.length, interval });
  const draw = (): void => terminal.draw(drawScreen(view(), terminal.size));
  const terminal = new Terminal(process.stdout, process.stdin.isTTY ? process.stdin : undefined, isStyled(process.env), {
    redraw: draw,
    key: (key) => {
      if (key === 'q' || key === 'Q' || key === '\x03') ending.abort();
      if (key === '\t' && firsts.length > 1) {
        index = (index + 1) % firsts.length;
        status = undefined;
        figures = undefined;
        next.abort();
      }
    },
  });
  terminal.open();
  try {
    for (let shown = 0; !ending.signal.aborted; ) {
      const begin = performance.now();
      next = new AbortController();
      try {
        firsts = await find(queue);
        index = Math.min(index, firsts.length - 1);
        ({ status, figures } = await observed.ask(firsts[index]!));
        trouble = undefined;
      } catch (error) {
        if (!(error instanceof StatusError)) throw error;
        // It may be restarting: keep looking.
        trouble = `still looking: ${error.message}`;
        status = undefined;
        figures = undefined;
      }
      draw();
      if (figures && ++shown >= count) return;
      await pause(interval * 1000 - (performance.now() - begin), AbortSignal.any([ending.signal, next.signal]));
    }
  } finally {
    terminal.close();
  }
}

/** Resolves after this time, or when the signal is aborted. */
function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = (): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, Math.max(0, milliseconds));
    signal.addEventListener('abort', done);
  });
}
