// Compiling for musl on Debian, whose musl-gcc is for C only: g++ with the headers of musl and of its own libstdc++. The addon then needs
// libstdc++.so.6 and libgcc_s.so.1, as one compiled on Alpine does, and as Node for musl does itself. What C++ code is called by does not
// depend on the C library; what libstdc++'s headers take from glibc is in musl-headers.h.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HEADERS = fileURLToPath(new URL('musl-headers.h', import.meta.url));

/** musl as Debian's package musl-dev has it, for the architecture of a compiler. */
export class Musl {
  /** @param {string} compiler `g++` for that architecture */
  constructor(compiler) {
    this.compiler = compiler;
    this.name = execFileSync(compiler, ['-dumpmachine'], { encoding: 'utf8' }).trim().replace(/gnu$/, 'musl');
    this.headers = `/usr/include/${this.name}`;
  }

  /**
   * Environment variables with which node-gyp compiles for musl. In `folder`, links to the kernel's headers are made; next to them are glibc's.
   *
   * @param {string} folder
   */
  flags(folder) {
    const env = { ...process.env, LC_ALL: 'C' };
    const { stderr } = spawnSync(this.compiler, ['-E', '-v', '-x', 'c++', '/dev/null'], { encoding: 'utf8', env });
    const searched = [...stderr.matchAll(/^ (\/\S+)$/gm)].map(([, path]) => path ?? '');
    const libstdcxx = searched.filter((path) => path.includes('/c++/'));
    const builtIn = searched.filter((path) => existsSync(join(path, 'stddef.h')));

    const kernel = join(folder, 'kernel-headers');
    mkdirSync(kernel);
    for (const name of ['linux', 'asm', 'asm-generic']) {
      const found = searched.map((path) => join(path, name)).find(existsSync);
      if (found !== undefined) symlinkSync(found, join(kernel, name));
    }
    const include = [...libstdcxx, this.headers, ...builtIn, kernel].map((path) => `-isystem ${path}`);
    return {
      CXXFLAGS: `-nostdinc ${include.join(' ')} -include ${HEADERS}`,
      LDFLAGS: `-nostartfiles -L/usr/lib/${this.name}`,
    };
  }
}
