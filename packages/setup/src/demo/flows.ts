import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { FLOWS, PORT, QUESTION_INTERVAL_MS, TARGETS, VIP4, VIP6 } from './hosts.js';

/** What the client has seen so far. It prints one as a line of JSON, ten times a second. */
export interface FlowReport {
  /** Questions sent. */
  readonly asked: number;
  /** Answers received, by target; index 0 is target 1. */
  readonly answered: readonly number[];
  /** By flow, the number of the target that answered last; 0 for none yet. */
  readonly targets: readonly number[];
}

const REPORT_INTERVAL_MS = 100;

/** Interval in which a few of the flows ask, in milliseconds. */
const TICK_MS = 10;

/** How long to wait for the last answers, in milliseconds. */
const LAST_ANSWERS_MS = 500;

/** The client: sends questions over many UDP flows until its standard input ends. */
export async function askOverFlows(): Promise<void> {
  let asked = 0;
  const answered = new Array<number>(TARGETS).fill(0);
  const targets = new Array<number>(FLOWS).fill(0);
  const report = (): void => {
    process.stdout.write(`${JSON.stringify({ asked, answered, targets } satisfies FlowReport)}\n`);
  };
  const sockets = await Promise.all(
    targets.map((_, flow) =>
      connect(flow % 2 === 0 ? VIP4 : VIP6, (target) => {
        targets[flow] = target;
        answered[target - 1]!++;
      }),
    ),
  );

  // A few flows at a time, so that questions are spread evenly.
  let turn = 0;
  const questions = setInterval(() => {
    for (let i = 0; i < (FLOWS * TICK_MS) / QUESTION_INTERVAL_MS; i++) {
      sockets[turn++ % FLOWS]!.send('?');
      asked++;
    }
  }, TICK_MS);
  const reports = setInterval(report, REPORT_INTERVAL_MS);
  process.stdin.resume();
  await once(process.stdin, 'end');
  clearInterval(questions);
  await sleep(LAST_ANSWERS_MS);
  clearInterval(reports);
  report();
  for (const socket of sockets) socket.close();
}

function connect(address: string, onAnswer: (target: number) => void): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (answer) => onAnswer(Number(answer.toString())));
    // An ICMP error: the question gets no answer, and is counted as lost.
    socket.on('error', () => {});
    socket.connect(PORT, address, () => resolve(socket));
  });
}
