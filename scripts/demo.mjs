// `pnpm demo`: the live demo where it can be, else a capture replayed.
import { spawnSync } from 'node:child_process';

/** What `nfqlb demo` ends with when this machine does not let it (EX_UNAVAILABLE of sysexits.h); it has said why. */
const UNAVAILABLE = 69;

const node = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status;

let status = node('packages/cli/dist/nfqlb.js', 'demo', ...process.argv.slice(2));
if (status === UNAVAILABLE) {
  console.log('So instead of live traffic, a capture of real traffic through the same core:\n');
  status = node('packages/sim/dist/sim.js', 'replay', 'packages/sim/captures/web-and-dns.pcap');
}
process.exitCode = status ?? 1;
