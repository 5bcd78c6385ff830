import { Command, FILES, Option, oneOf, text, UsageError, wholeNumber } from '@nfqlb/options';
import { run } from '../run/run.js';
import { addFlowBalancingOptions } from './balancing-options.js';

interface GivenOptions {
  readonly config?: string;
  readonly status?: true;
  readonly json?: boolean;
}

/** `nfqlb run`: all of it, from one file. */
export function runCommand(): Command {
  const command = new Command('run')
    .description(
      'do what a configuration file says, until SIGTERM or SIGINT: rules, routes, tables, flows and the load balancer itself; follows changes of the file. Options may also be in the file, under `options`; the command line takes precedence',
    )
    .addOption(
      new Option('--config <file>', 'YAML or JSON, as for `apply`, or a key in etcd: etcd://HOST:2379/KEY').argParser(text(() => FILES)),
    )
    .option(
      '--on-exit <what>',
      'keep: rules, routes and tables stay, and packets to the VIPs are dropped until it runs again; remove: they go',
      oneOf('keep', 'remove'),
      'keep',
    )
    .option(
      '--fragment_queue <queue>',
      'which of the queues, the first or the last, is for fragments alone, so that they do not crowd out other packets; with mode dsr',
      wholeNumber({ max: 65_535 }),
    )
    .option('--local', 'VIPs are for programs on this machine; packets that pass through are not touched')
    .option('--sysctl', 'also set what is needed in /proc/sys/net; it is not reset')
    .option('--check', 'only check the file')
    .option('--dry-run', 'print the commands that would do the same')
    .option('--status', 'show what already runs, or runs with this file: targets, their state since when and why, and what is degraded')
    .option('--json', 'with --status: as JSON, a line for each') as Command;
  return addFlowBalancingOptions(command)
    .examples(
      ['nfqlb run --config=nfqlb.yaml', 'balances as the file says, and follows it'],
      ['nfqlb run --config=nfqlb.yaml --fast=eth0 --on-exit=remove', 'decides in the kernel, and leaves nothing behind'],
      ['nfqlb run --check --config=nfqlb.yaml', 'says what is wrong with the file'],
      ['nfqlb run --config=etcd://10.0.0.11:2379,10.0.0.12:2379/nfqlb/configuration', 'follows a key of etcd instead of a file'],
      ['nfqlb run --status', 'says how what runs is, and each target'],
    )
    .action(async ({ config, status, json = false }: GivenOptions, self: Command) => {
      if (status) return (await import('../run/show-status.js')).showStatus(config, json);
      if (json) throw new UsageError('invalid-value', 'is for --status', { option: '--json' });
      if (config === undefined) throw new UsageError('missing-option', 'missing option --config');
      await run(config, self);
    }) as Command;
}
