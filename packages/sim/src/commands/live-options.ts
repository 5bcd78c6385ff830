import { type Command, Option, UsageError } from '@nfqlb/options';

/** Options of `nfqlb lb` and `flowlb` that say how packets come and who may ask; no decision depends on them. */
const WITHOUT_EFFECT = [
  '--queue <n|first:last>',
  '--qlength <packets>',
  '--linger <microseconds>',
  '--busy-poll <microseconds>',
  '--cpus <list>',
  '--priority <priority>',
  '--ft_shm <name>',
  '--trace_address <address>',
  '--metrics <address:port>',
  '--fast <interfaces>',
  '--vip <cidr>',
  '--keep',
  '--takeover',
  '--background',
  '--log-format <format>',
  '--group <group>',
  '--read-group <group>',
  '--insecure-listen',
];

/** The tier's table is in shared memory, which a replay does not read. */
const TIER_TABLE = '--lbshm <name>';

/** Lets the command line of a running load balancer be replayed as it is. They are not in the help, which is long enough. */
export function addLiveOptions(command: Command): Command {
  for (const flags of WITHOUT_EFFECT) command.addOption(new Option(flags).hideHelp());
  const tier = new Option(TIER_TABLE).hideHelp().argParser((value) => {
    throw new UsageError(
      'invalid-value',
      'a replay reads no shared memory: name the load balancers with --tier, and this one with --ownfw',
      {
        value,
      },
    );
  });
  return command.addOption(tier) as Command;
}

/** Those of {@link addLiveOptions} that were given, in one line; `undefined` if there are none. */
export function optionsWithoutEffect(options: object): string | undefined {
  const names = WITHOUT_EFFECT.map((flags) => flags.split(' ')[0]!);
  const given = names.filter((name) => (options as Record<string, unknown>)[attributeOf(name)] !== undefined);
  return given.length === 0 ? undefined : `without effect in a replay: ${given.join(', ')}`;
}

/** As commander calls the value of an option: `--log-format` is `logFormat`. */
function attributeOf(name: string): string {
  return new Option(name).attributeName();
}
