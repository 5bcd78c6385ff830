import { setTimeout as sleep } from 'node:timers/promises';
import { canRedraw, describeFailure } from '@nfqlb/options';
import { SetupError } from '../setup-error.js';
import type { FlowReport } from './flows.js';
import { CLIENT, FLOWS, QUESTION_INTERVAL_MS, TARGET_HOSTS, VIP4, VIP6 } from './hosts.js';
import { DemoNetwork, LB } from './network.js';
import { Reports } from './reports.js';
import { meetRequirements } from './requirements.js';
import { answersBetween, formatShares, movesBetween } from './shares.js';

/** From sysexits.h: the demo cannot run on this machine. */
const EX_UNAVAILABLE = 69;

/** How long each phase is shown, in milliseconds. */
const PHASE_MS = 1700;

/** How long to wait before each phase for answers to earlier questions, in milliseconds. */
const SETTLE_MS = 200;

/** The target that is deactivated and then activated again. */
const LOST_TARGET = 2;

/** Runs the demo. Everything it makes is removed when it ends, fails or is interrupted. */
export async function runDemo(): Promise<void> {
  const network = new DemoNetwork();
  const nfqlb = new Nfqlb(network);
  removeAtEnd(network);
  try {
    meetRequirements();
    network.build();
    await nfqlb.up();
    // Fails without the native addon, which needs a compiler.
    await nfqlb.run('init', `--shm=${network.table}`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`nfqlb demo: not possible here: ${describeFailure(error)}\n`);
    process.exitCode = EX_UNAVAILABLE;
    return;
  }
  try {
    await demonstrate(network, nfqlb);
  } finally {
    network.remove();
  }
}

/** Cleans up even if this process is interrupted, or ends because nobody reads its output any more. */
function removeAtEnd(network: DemoNetwork): void {
  const remove = (): void => {
    try {
      network.remove();
    } catch (error) {
      process.stderr.write(`nfqlb demo: ${(error as Error).message}\n`);
    }
  };
  process.once('exit', remove);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      remove();
      // The listener is gone: the signal now ends this process, and the shell sees which.
      process.kill(process.pid, signal);
    });
  }
}

async function demonstrate(network: DemoNetwork, nfqlb: Nfqlb): Promise<void> {
  const targets = TARGET_HOSTS.map((_, i) => i + 1);
  await Promise.all(TARGET_HOSTS.map(({ name }) => network.waitForOutput(network.start(name, self('demo', `--role=${name}`)))));
  await nfqlb.run('activate', `--shm=${network.table}`, ...targets.map(String));
  await nfqlb.listen();

  const rate = Math.round((FLOWS * 1000) / QUESTION_INTERVAL_MS);
  print(`\nThe client asks over ${FLOWS} UDP flows, half of them over IPv6, ${rate} questions a second. Who answers:`);
  const reports = new Reports(network.start(CLIENT.name, self('demo', `--role=${CLIENT.name}`)));
  const whole = await show(reports, 'three targets');
  await nfqlb.run('deactivate', `--shm=${network.table}`, String(LOST_TARGET));
  const without = await show(reports, `without target ${LOST_TARGET}`);
  await nfqlb.run('activate', `--shm=${network.table}`, String(LOST_TARGET));
  const again = await show(reports, `target ${LOST_TARGET} is back`);
  const last = await reports.last();

  const out = movesBetween(whole, without, LOST_TARGET);
  const flowsOfLost = whole.targets.filter((target) => target === LOST_TARGET).length;
  const answers = last.answered.reduce((sum, count) => sum + count, 0);
  print(`\n${last.asked} questions, ${answers} answers: ${last.asked - answers} lost.`);
  print(
    `Without target ${LOST_TARGET}, its ${flowsOfLost} flows went to the others; of the others’ ${FLOWS - flowsOfLost} flows ${out.ofOthers} moved.`,
  );
  const strayed = movesBetween(whole, again, LOST_TARGET);
  const misplaced = strayed.ofTarget + strayed.ofOthers;
  print(
    `With target ${LOST_TARGET} back, ${misplaced === 0 ? 'every flow is' : `all flows but ${misplaced} are`} where it was in the beginning.`,
  );
}

/** Runs this program's own commands in the load balancer's namespace. */
class Nfqlb {
  readonly #network: DemoNetwork;

  constructor(network: DemoNetwork) {
    this.#network = network;
  }

  async up(): Promise<void> {
    print('A client, a load balancer and three targets, each in a network namespace of its own.\n');
    const targets = TARGET_HOSTS.flatMap(({ ipv4, ipv6 }, i) => [`${i + 1}=${ipv4}`, `${i + 1}=${ipv6}`]);
    await this.run('up', '--mode=dsr', '--sysctl', `--vip=${VIP4}/32`, `--vip=${VIP6}/128`, ...targets);
  }

  /** Prints a command and runs it. */
  async run(...command: string[]): Promise<void> {
    print(`$ nfqlb ${command.join(' ')}`);
    await this.#network.run(LB, self(...command));
  }

  async listen(): Promise<void> {
    const command = ['lb', `--tshm=${this.#network.table}`, `--ft_shm=${this.#network.fragmentTable}`];
    print(`$ nfqlb ${command.join(' ')} &`);
    await this.#network.waitForQueue(this.#network.start(LB, self(...command)));
  }
}

/** Shows for a while which targets answer; returns the last report. */
async function show(reports: Reports, title: string): Promise<FlowReport> {
  await sleep(SETTLE_MS);
  const begin = await reports.next();
  let report = begin;
  const end = performance.now() + PHASE_MS;
  while (performance.now() < end) {
    report = await reports.next();
    if (canRedraw(process.stdout)) process.stdout.write(`\r\x1b[K${formatShares(title, answersBetween(begin, report))}`);
  }
  const answers = answersBetween(begin, report);
  if (answers.answered.every((count) => count === 0)) throw new SetupError('timed-out', `${title}: no question was answered`);
  const line = formatShares(title, answers);
  process.stdout.write(canRedraw(process.stdout) ? `\r\x1b[K${line}\n` : `${line}\n`);
  return report;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A command of this program. */
function self(...command: string[]): string[] {
  return [process.execPath, process.argv[1]!, ...command];
}
