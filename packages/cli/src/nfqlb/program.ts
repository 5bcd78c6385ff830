import { addCompletion, Command } from '@nfqlb/options';

/** The commands by name, in help order. Only the requested one is imported, so that it starts in little more time than Node itself. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  init: async () => (await import('../commands/init.js')).initCommand(),
  delete: async () => (await import('../commands/delete.js')).deleteCommand(),
  activate: async () => (await import('../commands/activate.js')).activateCommand(),
  deactivate: async () => (await import('../commands/deactivate.js')).deactivateCommand(),
  show: async () => (await import('../commands/show.js')).showCommand(),
  lb: async () => (await import('../commands/lb.js')).lbCommand(),
  flowlb: async () => (await import('../commands/flowlb.js')).flowlbCommand(),
  'flow-set': async () => (await import('../commands/flow-set.js')).flowSetCommand(),
  'flow-delete': async () => (await import('../commands/flow-delete.js')).flowDeleteCommand(),
  'flow-list': async () => (await import('../commands/flow-list.js')).flowListCommand(),
  'flow-list-names': async () => (await import('../commands/flow-list.js')).flowListNamesCommand(),
  apply: async () => (await import('../commands/apply.js')).applyCommand(),
  explain: async () => (await import('../commands/explain.js')).explainCommand(),
  stats: async () => (await import('../commands/stats.js')).statsCommand(),
  top: async () => (await import('../commands/top.js')).topCommand(),
  trace: async () => (await import('../commands/trace.js')).traceCommand(),
  loglevel: async () => (await import('../commands/loglevel.js')).loglevelCommand(),
  'trace-flow-set': async () => (await import('../commands/trace-flows.js')).traceFlowSetCommand(),
  'trace-flow-delete': async () => (await import('../commands/trace-flows.js')).traceFlowDeleteCommand(),
  'trace-flow-list': async () => (await import('../commands/trace-flows.js')).traceFlowListCommand(),
  'trace-flow-list-names': async () => (await import('../commands/trace-flows.js')).traceFlowListNamesCommand(),
  up: async () => (await import('../commands/up.js')).upCommand(),
  down: async () => (await import('../commands/down.js')).downCommand(),
  doctor: async () => (await import('../commands/doctor.js')).doctorCommand(),
  demo: async () => (await import('../commands/demo.js')).demoCommand(),
  primebelow: async () => (await import('../commands/primebelow.js')).primebelowCommand(),
  version: async () => (await import('../commands/version.js')).versionCommand(),
};

/**
 * The program `nfqlb`.
 *
 * @param requested the only command that is needed; for another name, and for help and completion, all are loaded
 */
export async function nfqlb(requested?: string): Promise<Command> {
  const one = Object.entries(COMMANDS).find(([name]) => name === requested);
  const commands = one === undefined ? Object.values(COMMANDS) : [one[1]];
  const program = new Command('nfqlb').description('a layer-4 load balancer on NFQUEUE');
  for (const command of await Promise.all(commands.map((load) => load()))) program.addCommand(command);
  addCompletion(program);
  return program;
}
