import { spawnSync } from 'node:child_process';
import { environment } from './step.js';

/**
 * Shows policy rules, and the packet rules of `--mode=nat`. One shell for all of them: starting a program takes Node longer than the program itself, and
 * `activate` waits for it.
 */
const SCRIPT = 'for family in 4 6; do ip -$family -N -json rule show; echo; done; iptables-save -t nat; ip6tables-save -t nat';

/**
 * The fwmarks that policy rules, or rules for address translation, of this network namespace ask for. Rules that may not be read, or whose program is
 * not installed, are left out; without a shell, as in a minimal container, all are.
 */
export function fwmarksWithRules(): Set<number> {
  const { stdout } = spawnSync('sh', ['-c', SCRIPT], {
    encoding: 'utf8',
    env: environment(),
    maxBuffer: 1 << 30,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  // Without a shell there is no output at all, whatever the type says.
  const text = stdout ?? '';
  return new Set([...parsePolicyFwmarks(text), ...parsePacketFwmarks(text)]);
}

/** From `"fwmark":"0x65"` of `ip -N -json rule show`. */
function parsePolicyFwmarks(text: string): number[] {
  return [...text.matchAll(/"fwmark":"(0x[\da-f]+)"/g)].map(([, mark]) => Number(mark));
}

/** Without 0, which is that of packets without one. */
function parsePacketFwmarks(text: string): number[] {
  return [...text.matchAll(/ --mark (0x[\da-f]+)/g)].map(([, mark]) => Number(mark)).filter((mark) => mark !== 0);
}
