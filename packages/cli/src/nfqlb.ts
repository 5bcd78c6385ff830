import { addCompletion, Command, run } from '@nfqlb/options';
import { activateCommand } from './commands/activate.js';
import { applyCommand } from './commands/apply.js';
import { deactivateCommand } from './commands/deactivate.js';
import { deleteCommand } from './commands/delete.js';
import { demoCommand } from './commands/demo.js';
import { doctorCommand } from './commands/doctor.js';
import { downCommand } from './commands/down.js';
import { flowDeleteCommand } from './commands/flow-delete.js';
import { flowListCommand, flowListNamesCommand } from './commands/flow-list.js';
import { flowSetCommand } from './commands/flow-set.js';
import { flowlbCommand } from './commands/flowlb.js';
import { initCommand } from './commands/init.js';
import { lbCommand } from './commands/lb.js';
import { loglevelCommand } from './commands/loglevel.js';
import { primebelowCommand } from './commands/primebelow.js';
import { showCommand } from './commands/show.js';
import { statsCommand } from './commands/stats.js';
import { traceCommand } from './commands/trace.js';
import { traceFlowDeleteCommand, traceFlowListCommand, traceFlowListNamesCommand, traceFlowSetCommand } from './commands/trace-flows.js';
import { upCommand } from './commands/up.js';
import { versionCommand } from './commands/version.js';

const program = new Command('nfqlb').description('a layer-4 load-balancer on NFQUEUE');
for (const command of [
  initCommand(),
  deleteCommand(),
  activateCommand(),
  deactivateCommand(),
  showCommand(),
  lbCommand(),
  flowlbCommand(),
  flowSetCommand(),
  flowDeleteCommand(),
  flowListCommand(),
  flowListNamesCommand(),
  applyCommand(),
  statsCommand(),
  traceCommand(),
  loglevelCommand(),
  traceFlowSetCommand(),
  traceFlowDeleteCommand(),
  traceFlowListCommand(),
  traceFlowListNamesCommand(),
  upCommand(),
  downCommand(),
  doctorCommand(),
  demoCommand(),
  primebelowCommand(),
  versionCommand(),
]) {
  program.addCommand(command);
}

addCompletion(program);
await run(program);
