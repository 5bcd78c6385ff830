// `pnpm demo`: the live demo if possible, else a replayed capture.
import { spawnSync } from 'node:child_process';
import { ensureBuilt } from './checkout-program.mjs';

/** Exit status of `nfqlb demo` if it cannot run on this machine (EX_UNAVAILABLE in sysexits.h); it has printed the reason. */
const UNAVAILABLE = 69;

const node = (...args) => spawnSync(process.execPath, args, { stdio: 'inherit' }).status;

let status = node(ensureBuilt('cli', 'nfqlb'), 'demo', ...process.argv.slice(2));
if (status === UNAVAILABLE) {
  console.log('Instead of live traffic, a capture of real traffic through the same core:\n');
  status = node(ensureBuilt('sim', 'sim'), 'replay', 'packages/sim/captures/web-and-dns.pcap');
}
process.exitCode = status ?? 1;
