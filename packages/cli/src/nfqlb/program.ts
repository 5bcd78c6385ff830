import { addCompletion, Command } from '@nfqlb/options';
import { VERSION } from '../version.js';
import { COMMAND_SYNONYMS } from './command-synonyms.js';

/** Makes a command. Only the requested one is imported, so that it starts in little more time than Node itself. */
type Load = () => Promise<Command>;

/** The commands by name, by what they are for; in help order. */
const GROUPS: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'Tables and targets:': {
    init: async () => (await import('../commands/init.js')).initCommand(),
    activate: async () => (await import('../commands/activate.js')).activateCommand(),
    deactivate: async () => (await import('../commands/deactivate.js')).deactivateCommand(),
    show: async () => (await import('../commands/show.js')).showCommand(),
    delete: async () => (await import('../commands/delete.js')).deleteCommand(),
    primebelow: async () => (await import('../commands/primebelow.js')).primebelowCommand(),
  },
  'Run:': {
    run: async () => (await import('../commands/run.js')).runCommand(),
    lb: async () => (await import('../commands/lb.js')).lbCommand(),
    flowlb: async () => (await import('../commands/flowlb.js')).flowlbCommand(),
    announce: async () => (await import('../commands/announce.js')).announceCommand(),
  },
  'Flows:': {
    'flow-set': async () => (await import('../commands/flow-set.js')).flowSetCommand(),
    'flow-delete': async () => (await import('../commands/flow-delete.js')).flowDeleteCommand(),
    'flow-list': async () => (await import('../commands/flow-list.js')).flowListCommand(),
    'flow-list-names': async () => (await import('../commands/flow-list.js')).flowListNamesCommand(),
  },
  'Look:': {
    top: async () => (await import('../commands/top.js')).topCommand(),
    explain: async () => (await import('../commands/explain.js')).explainCommand(),
    stats: async () => (await import('../commands/stats.js')).statsCommand(),
    trace: async () => (await import('../commands/trace.js')).traceCommand(),
    'trace-flow-set': async () => (await import('../commands/trace-flows.js')).traceFlowSetCommand(),
    'trace-flow-delete': async () => (await import('../commands/trace-flows.js')).traceFlowDeleteCommand(),
    'trace-flow-list': async () => (await import('../commands/trace-flows.js')).traceFlowListCommand(),
    'trace-flow-list-names': async () => (await import('../commands/trace-flows.js')).traceFlowListNamesCommand(),
    loglevel: async () => (await import('../commands/loglevel.js')).loglevelCommand(),
  },
  'Set up:': {
    up: async () => (await import('../commands/up.js')).upCommand(),
    down: async () => (await import('../commands/down.js')).downCommand(),
    doctor: async () => (await import('../commands/doctor.js')).doctorCommand(),
    apply: async () => (await import('../commands/apply.js')).applyCommand(),
    demo: async () => (await import('../commands/demo.js')).demoCommand(),
  },
  'This program:': {
    version: async () => (await import('../commands/version.js')).versionCommand(),
  },
};

const COMMANDS: readonly { readonly name: string; readonly group: string; readonly load: Load }[] = Object.entries(GROUPS).flatMap(
  ([group, commands]) => Object.entries(commands).map(([name, load]) => ({ name, group, load })),
);

/** The program `nfqlb`, with as many of its commands as reading `argv` needs. */
export async function nfqlb(argv: readonly string[]): Promise<Command> {
  const program = new Command('nfqlb')
    .description('a layer-4 load balancer on NFQUEUE')
    .versioned(VERSION)
    .alsoKnownAs(COMMAND_SYNONYMS)
    .commandsGroup('This program:')
    .helpCommand(true)
    .examples(
      ['nfqlb up --vip=10.0.0.1/32 --mode=dsr --sysctl 192.168.1.1 192.168.1.2', 'queue rules for a VIP, and routes to two targets'],
      ['nfqlb init --if-absent', 'a table of targets'],
      ['nfqlb activate 1 2', 'both targets'],
      ['nfqlb lb', 'load-balance until SIGTERM'],
      ['nfqlb doctor', 'if packets do not arrive'],
    ) as Command;
  const needed = neededFor(argv);
  for (const [i, command] of (await Promise.all(needed.map(({ load }) => load()))).entries()) {
    program.addCommand(command.helpGroup(needed[i]!.group));
  }
  addCompletion(program);
  return program;
}

/** Help, completion and unknown names need all commands. */
function neededFor([first, second]: readonly string[]): typeof COMMANDS {
  if (first !== undefined && ['--version', '-V', 'completion'].includes(first)) return [];
  const name = first === 'help' ? second : first;
  const requested = COMMANDS.filter((command) => command.name === name);
  return requested.length > 0 ? requested : COMMANDS;
}
