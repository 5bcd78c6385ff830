import { type Configuration, parseConfiguration, type Surroundings } from '@nfqlb/configuration';
import { changesBetween, commandsOf } from '@nfqlb/configuration/changes';
import { balanceLoad } from '@nfqlb/daemon/main';
import { type Command, type QueueRange, UsageError } from '@nfqlb/options';
import { askStatus, findLoadBalancers } from '@nfqlb/protocol/status';
import { withTableLock } from '@nfqlb/protocol/tables';
import { change, formatQueues, hasSysctls, planUp, readSysctls, type SetUp, wantedSysctls } from '@nfqlb/setup';
import { hasTable } from '../apply/present.js';
import { restored } from '../apply/restore.js';
import { type FlowBalancingOptions, flowBalancingOf } from '../commands/balancing-options.js';
import { isOwnAddress } from '../own-address.js';
import { startedInBackground } from '../takeover/background.js';
import { configurationText } from './configuration-text.js';
import { declaredSetUps, type SetUpChoice } from './declared-set-up.js';
import { adoptFileOptions, fileOption } from './file-options.js';
import { Site, vipsOf } from './site.js';

/** Options of `nfqlb run`. */
export interface RunOptions extends FlowBalancingOptions {
  readonly onExit: 'keep' | 'remove';
  readonly fragment_queue?: number;
  readonly local?: boolean;
  readonly sysctl?: true;
  readonly check?: true;
  readonly dryRun?: true;
}

/** How long a packet may take from the decision to its target. */
const SLOWEST_MS = 1000;

/** Runs what a file declares, until SIGTERM or SIGINT. */
export async function run(config: string, command: Command): Promise<void> {
  if (config === '-') throw new UsageError('invalid-value', 'standard input cannot be followed', { option: '--config', value: config });
  const surroundings: Surroundings = { hasTable, isOwnAddress, checkOption: (name, value) => fileOption(command, name, value) };
  const source = configurationText(config);
  const parse = (text: string): Configuration => parseConfiguration(text, source.place, surroundings);
  const text = await source.first();
  const configuration = parse(text);
  adoptFileOptions(command, configuration.options ?? new Map());
  const options = command.opts<RunOptions>();
  const choice = setUpChoice(options);
  if (options.check) return;
  const setUps = declaredSetUps(configuration, choice);
  if (options.dryRun) return print(configuration, [...setUps.values()], options);
  if (await startedInBackground(options)) return;

  if (setUps.size > 0) await refuseOtherKeepers(options.queue);
  const warnings = setSysctls([...setUps.values()], options.sysctl === true);
  const decidesForVips = options.vip === undefined && setUps.size > 0;
  const balancing = await flowBalancingOf(
    'run',
    {
      ...options,
      ...(decidesForVips && options.fast && { vip: [vipsOf(setUps)] }),
      // What stays in the kernel would go on deciding.
      keep: options.keep === true && options.onExit === 'keep',
    },
    restored(configuration),
  );
  const removes = options.onExit === 'remove';
  const site = new Site({
    source,
    text,
    configuration,
    parse,
    choice,
    decidesForVips,
    removes,
    underWay: options.ft_ttl + SLOWEST_MS,
    access: balancing.access,
  });
  const ending = await balanceLoad({ ...balancing, warnings: [...balancing.warnings, ...warnings], companion: site });
  if (removes && ending === 'stopped') deleteTables(site.declared);
}

/** @throws {@link UsageError} for options that exclude each other */
function setUpChoice({ queue, fragment_queue: fragmentQueue, local = false, fast }: RunOptions): SetUpChoice {
  if (local && fast !== undefined) {
    const problem = 'cannot be given together with --local: packets of programs on this machine do not come in at an interface';
    throw new UsageError('invalid-value', problem, { option: '--fast' });
  }
  const isAtAnEnd = fragmentQueue === queue.first || fragmentQueue === queue.last;
  if (fragmentQueue !== undefined && (!isAtAnEnd || queue.first === queue.last)) {
    const problem = `must be the first or the last of several queues, such as --queue=0:3; it is ${formatQueues(queue)}`;
    throw new UsageError('invalid-value', problem, { option: '--fragment_queue', value: String(fragmentQueue) });
  }
  return { queue, fragmentQueue, local, fast: fast !== undefined };
}

/** There is one set-up per network namespace: two programs would undo each other's rules for ever. */
async function refuseOtherKeepers(queue: QueueRange): Promise<void> {
  for (const other of findLoadBalancers().filter((first) => first !== queue.first)) {
    const status = await askStatus(other).catch(() => undefined);
    if (!status?.keepsSetUp) continue;
    const problem = `another nfqlb run (pid ${status.pid}, queue ${other}) keeps the rules of this network namespace; put all tables into its file`;
    throw new UsageError('invalid-value', problem, { option: '--queue', value: formatQueues(queue) });
  }
}

/** Sets what the set-ups need of the kernel, or warns of it. */
function setSysctls(setUps: readonly SetUp[], isWanted: boolean): string[] {
  if (setUps.length === 0) return [];
  if (!hasSysctls()) return isWanted ? ['--sysctl: /proc/sys/net is hidden from this program; nothing is set there'] : [];
  const facts = readSysctls();
  const wanted = setUps.flatMap((setUp) => wantedSysctls(setUp, facts));
  const sysctls = wanted.filter(({ name }, i) => wanted.findIndex((other) => other.name === name) === i);
  if (!isWanted) return sysctls.map(({ name, value, problem }) => `${name} is not ${value}: ${problem}; --sysctl sets it`);
  change(() => sysctls, { dryRun: false, json: false });
  return [];
}

/** Prints the commands that would do the same on a machine without any of it. */
function print(configuration: Configuration, setUps: readonly SetUp[], { queue, sysctl }: RunOptions): void {
  const facts = sysctl && hasSysctls() ? readSysctls() : undefined;
  const sysctls = facts ? setUps.flatMap((setUp) => wantedSysctls(setUp, facts)) : [];
  if (setUps.length > 0) change((present) => [...sysctls, ...planUp(setUps, present)], { dryRun: true, json: false });
  const commands = changesBetween({ table: () => undefined, flows: [] }, configuration).flatMap(commandsOf);
  process.stdout.write([`flowlb --queue=${formatQueues(queue)} &`, ...commands].map((line) => `nfqlb ${line}\n`).join(''));
}

function deleteTables({ tables }: Configuration): void {
  for (const name of tables?.keys() ?? []) {
    withTableLock(name, (lock) => {
      if (!lock.isUsed) lock.delete();
    });
  }
}
