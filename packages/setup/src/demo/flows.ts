import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { FLOWS, PORT, QUESTION_INTERVAL, TARGETS, VIP4, VIP6 } from './cast.js';

/** What the client has seen so far. It writes one of these in a line, ten times a second. */
export interface FlowReport {
  /** Questions sent. */
  readonly asked: number;
  /** Answers received, by target number less 1. */
  readonly answered: readonly number[];
  /** By flow the number of the target that answered last; 0 for none yet. */
  readonly targets: readonly number[];
}

/** In milliseconds, as all times here. */
const REPORT_INTERVAL = 100;

/** How often some flows ask. */
const TICK = 10;

/** How long to wait for the last answers. */
const GRACE = 500;

/** The client: asks over many UDP flows at a time, until its standard input ends. */
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

  // A few flows at a time, so that questions come evenly.
  let turn = 0;
  const questions = setInterval(() => {
    for (let i = 0; i < (FLOWS * TICK) / QUESTION_INTERVAL; i++) {
      sockets[turn++ % FLOWS]!.send('?');
      asked++;
    }
  }, TICK);
  const reports = setInterval(report, REPORT_INTERVAL);
  process.stdin.resume();
  await once(process.stdin, 'end');
  clearInterval(questions);
  await sleep(GRACE);
  clearInterval(reports);
  report();
  for (const socket of sockets) socket.close();
}

function connect(address: string, onAnswer: (target: number) => void): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
    socket.on('message', (answer) => onAnswer(Number(answer.toString())));
    // An ICMP error: the question has no answer, which is counted.
    socket.on('error', () => {});
    socket.connect(PORT, address, () => resolve(socket));
  });
}
