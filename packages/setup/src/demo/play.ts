import { setTimeout as sleep } from 'node:timers/promises';
import { describeFailure } from '@nfqlb/options';
import { SetupError } from '../setup-error.js';
import { CLIENT, FLOWS, QUESTION_INTERVAL, TARGET_HOSTS, VIP4, VIP6 } from './cast.js';
import type { FlowReport } from './flows.js';
import { Reports } from './reports.js';
import { meetRequirements } from './requirements.js';
import { formatScene, movesBetween, sceneBetween } from './scene.js';
import { LB, Stage } from './stage.js';

/** sysexits.h: the demo cannot be shown on this machine. */
const EX_UNAVAILABLE = 69;

/** How long a scene is shown, in milliseconds. */
const SCENE = 1700;

/** How long to let questions that are under way be answered before a scene, in milliseconds. */
const SETTLE = 200;

/** The target that is lost and comes back. */
const LOST = 2;

/** Plays the demo. What it made is removed when it ends, fails or is interrupted. */
export async function playDemo(): Promise<void> {
  const stage = new Stage();
  const nfqlb = new Nfqlb(stage);
  removeAtEnd(stage);
  try {
    meetRequirements();
    stage.build();
    await nfqlb.up();
    // Fails where there is no addon, for want of a compiler.
    await nfqlb.say('init', `--shm=${stage.table}`);
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    process.stderr.write(`nfqlb demo: not possible here: ${describeFailure(error)}\n`);
    process.exitCode = EX_UNAVAILABLE;
    return;
  }
  try {
    await perform(stage, nfqlb);
  } finally {
    stage.remove();
  }
}

/** Also when this process is interrupted, or ends for want of a reader. */
function removeAtEnd(stage: Stage): void {
  const remove = (): void => {
    try {
      stage.remove();
    } catch (error) {
      process.stderr.write(`nfqlb demo: ${(error as Error).message}\n`);
    }
  };
  process.once('exit', remove);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.once(signal, () => {
      remove();
      // The listener has gone: now the signal ends this process, and the shell sees by what.
      process.kill(process.pid, signal);
    });
  }
}

async function perform(stage: Stage, nfqlb: Nfqlb): Promise<void> {
  const targets = TARGET_HOSTS.map((_, i) => i + 1);
  await Promise.all(TARGET_HOSTS.map(({ name }) => stage.speaks(stage.start(name, self('demo', `--role=${name}`)))));
  await nfqlb.say('activate', `--shm=${stage.table}`, ...targets.map(String));
  await nfqlb.listen();

  const rate = Math.round((FLOWS * 1000) / QUESTION_INTERVAL);
  say(`\nThe client asks over ${FLOWS} UDP flows, half of them over IPv6, ${rate} questions a second. Who answers:`);
  const reports = new Reports(stage.start(CLIENT.name, self('demo', `--role=${CLIENT.name}`)));
  const whole = await show(reports, 'three targets');
  await nfqlb.say('deactivate', `--shm=${stage.table}`, String(LOST));
  const without = await show(reports, `without target ${LOST}`);
  await nfqlb.say('activate', `--shm=${stage.table}`, String(LOST));
  const again = await show(reports, `target ${LOST} is back`);
  const last = await reports.last();

  const out = movesBetween(whole, without, LOST);
  const flowsOfLost = whole.targets.filter((target) => target === LOST).length;
  const answers = last.answered.reduce((sum, count) => sum + count, 0);
  say(`\n${last.asked} questions, ${answers} answers: ${last.asked - answers} lost.`);
  say(
    `Without target ${LOST}, its ${flowsOfLost} flows went to the others; of the others’ ${FLOWS - flowsOfLost} flows ${out.ofOthers} moved.`,
  );
  const strayed = movesBetween(whole, again, LOST);
  const misplaced = strayed.ofTarget + strayed.ofOthers;
  say(`With target ${LOST} back, ${misplaced === 0 ? 'every flow is' : `all flows but ${misplaced} are`} where it was in the beginning.`);
}

/** The program itself, as this process runs it, with the demo's tables. */
class Nfqlb {
  readonly #stage: Stage;

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  async up(): Promise<void> {
    say('A client, a load balancer and three targets, each in a network namespace of its own.\n');
    const targets = TARGET_HOSTS.flatMap(({ ipv4, ipv6 }, i) => [`${i + 1}=${ipv4}`, `${i + 1}=${ipv6}`]);
    await this.say('up', '--mode=dsr', '--sysctl', `--vip=${VIP4}/32`, `--vip=${VIP6}/128`, ...targets);
  }

  /** Runs a command, and says so. */
  async say(...command: string[]): Promise<void> {
    say(`$ nfqlb ${command.join(' ')}`);
    await this.#stage.run(LB, self(...command));
  }

  async listen(): Promise<void> {
    const command = ['lb', `--tshm=${this.#stage.table}`, `--ft_shm=${this.#stage.fragmentTable}`];
    say(`$ nfqlb ${command.join(' ')} &`);
    await this.#stage.listens(this.#stage.start(LB, self(...command)));
  }
}

/** Shows for a while which target answers, and gives the report at the end. */
async function show(reports: Reports, title: string): Promise<FlowReport> {
  await sleep(SETTLE);
  const begin = await reports.next();
  let report = begin;
  const end = performance.now() + SCENE;
  while (performance.now() < end) {
    report = await reports.next();
    if (process.stdout.isTTY) process.stdout.write(`\r\x1b[K${formatScene(title, sceneBetween(begin, report))}`);
  }
  const scene = sceneBetween(begin, report);
  if (scene.answered.every((count) => count === 0)) throw new SetupError('timed-out', `${title}: no question was answered`);
  const line = formatScene(title, scene);
  process.stdout.write(process.stdout.isTTY ? `\r\x1b[K${line}\n` : `${line}\n`);
  return report;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

/** A command of this program. */
function self(...command: string[]): string[] {
  return [process.execPath, process.argv[1]!, ...command];
}
