// What is generated from the commands themselves: manual pages, and the scripts that make shells complete. build.mjs bundles this file
// together with the sources of the programs.
import { ipu } from '../packages/cli/src/ipu/program.ts';
import { nfqlb } from '../packages/cli/src/nfqlb/program.ts';
import { addCompletion } from '../packages/options/src/index.ts';
import { completionScript, manPages } from '../packages/options/src/manual/index.ts';
import { sim } from '../packages/sim/src/program.ts';

const ENVIRONMENT = { NFQLB_DEBUG: 'If set, the stack of an error is printed, too.' };

/**
 * The manual pages of all programs.
 *
 * @param {string} version
 * @param {string} date as in 2026-01-31
 * @returns {Promise<{ name: string, text: string }[]>}
 */
export async function manual(version, date) {
  const common = { version: `nfqlb ${version}`, date, environment: ENVIRONMENT };
  const address = ipu();
  addCompletion(address);
  return [
    ...manPages(await nfqlb([]), {
      ...common,
      pages: 'each',
      environment: {
        NFQLB_FLOW_ADDRESS:
          'Where a load balancer accepts flow commands and where these send them: `unix:NAME`, an abstract socket, or `tcp:ADDRESS:PORT`. Default: `unix:nfqlb`.',
        NFQLB_TRACE_SHM: 'Shared memory with the log level and the trace mask. Default: `nfqlb-trace`.',
        ...ENVIRONMENT,
      },
      files: {
        '/etc/nfqlb/nfqlb.yaml': 'Tables, targets and flows of the service `nfqlb.service`.',
        '/etc/default/nfqlb': 'Options and environment of the service.',
        '/dev/shm': 'Target tables, under their names.',
      },
      seeAlso: ['ipu(1)', 'nfqlb-sim(1)', 'iptables(8)', 'ip-rule(8)', 'systemd.service(5)'],
    }),
    ...manPages(sim(), { ...common, pages: 'each', seeAlso: ['nfqlb(1)'] }),
    ...manPages(address, {
      ...common,
      pages: 'one',
      seeAlso: ['nfqlb(1)'],
    }),
  ];
}

/** Where each shell looks for the scripts of Debian packages, and their text. */
export function completions() {
  return ['nfqlb', 'ipu', 'nfqlb-sim'].flatMap((name) => {
    const script = (shell) => completionScript(shell, { name, start: [`/usr/bin/${name}`] });
    return [
      { path: `usr/share/bash-completion/completions/${name}`, text: script('bash') },
      { path: `usr/share/zsh/vendor-completions/_${name}`, text: script('zsh') },
      { path: `usr/share/fish/vendor_completions.d/${name}.fish`, text: script('fish') },
    ];
  });
}
