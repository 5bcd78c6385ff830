import { execFileSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { binding } from './binding.js';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const HEADERS = join(dirname(dirname(process.execPath)), 'include/node');
const BUILD_MS = 300_000;
/** musl itself. */
const MUSL = `/lib/ld-musl-${process.arch === 'x64' ? 'x86_64' : 'aarch64'}.so.1`;

const output = (program: string, ...args: readonly string[]): string => execFileSync(program, args, { encoding: 'utf8' });

describe('the addon that prebuild.mjs compiles for musl on Debian', () => {
  /** A copy of this package, where it is in the repository, and what is made in the test. */
  let top: string;
  let copy: string;
  let addon: string;

  beforeAll(() => {
    top = mkdtempSync(join(tmpdir(), 'nfqlb-musl-'));
    copy = join(top, 'packages/native');
    mkdirSync(copy, { recursive: true });
    symlinkSync(join(PACKAGE, '../../scripts'), join(top, 'scripts'));
    for (const folder of ['scripts', 'addon']) cpSync(join(PACKAGE, folder), join(copy, folder), { recursive: true });
    symlinkSync(join(PACKAGE, 'node_modules'), join(copy, 'node_modules'));
    addon = join(copy, `prebuilds/linux-${process.arch}-musl.node`);
    expect(output(process.execPath, join(copy, 'scripts/prebuild.mjs'), '--libc=musl')).toBe(`${addon}: needs musl, GLIBCXX_3.4.21\n`);
  }, BUILD_MS);
  afterAll(() => rmSync(top, { recursive: true }));

  test('needs no function of glibc, and only the libraries that Node for musl needs itself', () => {
    const needed = [...output('readelf', '--wide', '--dynamic', addon).matchAll(/\(NEEDED\).*\[(.*)\]/g)].map(([, library]) => library);
    expect(needed).toEqual(['libstdc++.so.6', 'libgcc_s.so.1', 'libc.so']);

    const functions = output('nm', '--dynamic', '--undefined-only', addon).trimEnd().split('\n');
    expect(functions.filter((line) => line.includes('GLIBC_'))).toEqual([]);
    const musl = output('nm', '--dynamic', '--defined-only', MUSL);
    const defined = new Set(musl.split('\n').map((line) => line.split(' ').at(-1)));
    const ofTheSystem = functions.map((line) => line.trim().split(' ').at(-1)!).filter((name) => !/@|^napi_/.test(name));
    expect(ofTheSystem).toContain('recvmmsg');
    expect(ofTheSystem.filter((name) => !defined.has(name))).toEqual([]);
  });

  test('locks: does not take a program without functions of old glibc to have one thread', () => {
    expect(output('nm', '--dynamic', '--undefined-only', addon)).toMatch(/ U pthread_mutex_lock$/m);
  });

  // Debian has neither Node nor libstdc++ for musl: musl-host.c stands in for the one, and makes up for what glibc's misses.
  test('works in a program that is linked with musl', () => {
    const libraries = join(copy, 'lib');
    const headers = join(copy, 'node');
    const host = join(copy, 'musl-host');
    for (const folder of [libraries, headers]) mkdirSync(folder);
    // Only these: glibc's are in the same folders.
    for (const name of readdirSync(HEADERS).filter((each) => /^(js_native|node)_api.*\.h$/.test(each)))
      copyFileSync(join(HEADERS, name), join(headers, name));
    for (const library of ['libstdc++.so.6', 'libgcc_s.so.1'])
      copyFileSync(output('g++', `-print-file-name=${library}`).trim(), join(libraries, library));
    const empty = join(copy, 'empty.c');
    copyFileSync('/dev/null', empty);
    // Debian's libstdc++ names glibc's dynamic linker, too.
    output('musl-gcc', '-shared', empty, '-o', join(libraries, 'ld-linux-x86-64.so.2'));
    output('musl-gcc', '-rdynamic', '-I', headers, join(PACKAGE, 'src/testing/musl-host.c'), '-o', host);
    expect(output('readelf', '--wide', '--program-headers', host)).toContain(`[Requesting program interpreter: ${MUSL}]`);

    const printed = execFileSync(host, [addon], { encoding: 'utf8', env: { LD_LIBRARY_PATH: libraries } });
    expect(printed.split('\n')).toEqual([
      `packetOverhead ${binding().packetOverhead}`,
      `peer: uid ${process.getuid!()}, this process`,
      'connecting: errno 111, Connection refused',
      'signals 1',
      '',
    ]);
  });
});
