// How the kernel's program is compiled: by Debian's clang, to the same octets every time.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const FOLDER = fileURLToPath(new URL('../program', import.meta.url));

/** The module that has the object. */
export const MODULE = fileURLToPath(new URL('../src/program/object.ts', import.meta.url));

/** Debian keeps headers of the machine's architecture apart. */
const HEADERS = { x64: '/usr/include/x86_64-linux-gnu', arm64: '/usr/include/aarch64-linux-gnu' };

/** @returns the object, as a Buffer */
export function compileProgram(folder = FOLDER) {
  const output = mkdtempSync(join(tmpdir(), 'nfqlb-program-'));
  const object = join(output, 'object.o');
  try {
    // -mcpu=v3: 32-bit instructions, Linux 5.1. In its own folder, so that no path gets into the object.
    const options = ['-O2', '-target', 'bpfel', '-mcpu=v3', '-Wall', '-Wextra', '-Werror', `-I${HEADERS[process.arch]}`];
    execFileSync('clang', [...options, '-c', 'fast-path.bpf.c', '-o', object], { cwd: folder });
    return readFileSync(object);
  } finally {
    rmSync(output, { recursive: true });
  }
}

/** Source of the module that has this object. */
export function moduleOf(object) {
  const lines = object.toString('base64').match(/.{1,120}/g);
  return `// Made by scripts/build-program.mjs from program/: do not edit. ${object.length} octets.\n\nexport const OBJECT: string = \`\n${lines.join('\n')}\n\`;\n`;
}
