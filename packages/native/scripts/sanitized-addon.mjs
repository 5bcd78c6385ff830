// Addons compiled with sanitizers, and what Node needs in its environment to run with them: it was compiled without, so their library must be loaded before any
// other.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { compile, root } from './compile.mjs';

/**
 * What Node needs in its environment.
 *
 * @typedef {object} Sanitized
 * @property {string} NFQLB_ADDON
 * @property {string} LD_PRELOAD
 * @property {string} [ASAN_OPTIONS]
 * @property {string} [TSAN_OPTIONS]
 */

const libraryOf = (/** @type {string} */ name) => execFileSync('g++', [`-print-file-name=${name}`], { encoding: 'utf8' }).trim();

/** @param {string} addon */
function isCurrent(addon) {
  const sources = join(root, 'addon');
  const compiledAt = existsSync(addon) ? statSync(addon).mtimeMs : 0;
  return readdirSync(sources).every((file) => statSync(join(sources, file)).mtimeMs < compiledAt);
}

/**
 * @param {string} name
 * @param {string} sanitizers
 * @param {string} library
 * @returns {Sanitized}
 */
function compiled(name, sanitizers, library) {
  const addon = join(root, `build/sanitized/${name}.node`);
  // Several scripts that run one after the other use the same.
  if (!isCurrent(addon)) compile(addon, { defines: [`sanitize=${sanitizers}`] });
  return { NFQLB_ADDON: addon, LD_PRELOAD: `${libraryOf(library)} ${libraryOf('libstdc++.so')}` };
}

/**
 * AddressSanitizer and UBSan. We handle SIGBUS ourselves (sigbus_guard.cc). Leaks are not looked for.
 *
 * @returns {Sanitized}
 */
export function withAddressSanitizer() {
  return { ...compiled('nfqlb', 'address,undefined', 'libasan.so'), ASAN_OPTIONS: 'detect_leaks=0:handle_sigbus=0' };
}

/**
 * ThreadSanitizer. It knows nothing of what V8 does, so it is only to watch accesses by the addon. A program with a race goes on, and says so at its end.
 * It must be run without randomized addresses (`setarch --addr-no-randomize`), which it has no room for.
 *
 * @returns {Sanitized}
 */
export function withThreadSanitizer() {
  return { ...compiled('threads', 'thread', 'libtsan.so'), TSAN_OPTIONS: 'exitcode=0:ignore_noninstrumented_modules=1' };
}
