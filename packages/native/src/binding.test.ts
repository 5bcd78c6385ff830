import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';

const PACKAGE = fileURLToPath(new URL('..', import.meta.url));
const BUILT = 'build/Release/nfqlb.node';
const PREBUILT = `prebuilds/${process.platform}-${process.arch}-glibc.node`;
const FOR_MUSL = `prebuilds/${process.platform}-${process.arch}-musl.node`;

/** The addon that the other tests use. */
const ADDON = join(PACKAGE, existsSync(join(PACKAGE, BUILT)) ? BUILT : PREBUILT);

/** A copy of this package, as after an installation. */
let copy: string;

beforeEach(() => {
  copy = mkdtempSync(join(tmpdir(), 'nfqlb-package-'));
  mkdirSync(join(copy, 'dist'));
});
afterEach(() => rmSync(copy, { recursive: true }));

/** Puts an addon into the copy, with the note of what it was built from. */
function putAddon(file: string): void {
  mkdirSync(join(copy, file, '..'), { recursive: true });
  for (const part of ['', '.json']) cpSync(`${ADDON}${part}`, join(copy, `${file}${part}`));
}

function putGarbage(file: string): void {
  mkdirSync(join(copy, file, '..'), { recursive: true });
  writeFileSync(join(copy, file), 'not a library\n');
}

describe('the addon', () => {
  /** Loads it in the copy; returns which file was loaded, or the error message. */
  function load(environment: Readonly<Record<string, string>> = {}, { node = process.execPath } = {}): string {
    const code = `
      import { binding } from './src/binding.ts';
      process.execPath = '${node}';
      try {
        binding();
        const { sharedObjects } = process.report.getReport();
        console.log(sharedObjects.find((file) => file.endsWith('.node')));
      } catch (error) {
        console.log(error.name, error.code, error.message);
      }`;
    const stdin = { contents: code, resolveDir: PACKAGE };
    buildSync({ stdin, outfile: join(copy, 'dist/index.mjs'), bundle: true, platform: 'node', format: 'esm' });
    const { NFQLB_ADDON: _, ...env } = process.env;
    const { stdout, stderr } = spawnSync(process.execPath, [join(copy, 'dist/index.mjs')], {
      encoding: 'utf8',
      env: { ...env, ...environment },
    });
    return (stdout + stderr).trim();
  }

  test('is the prebuilt one, if it fits', () => {
    putAddon(PREBUILT);
    putAddon(BUILT);
    expect(load()).toBe(join(copy, PREBUILT));
  });

  test('is the compiled one, if the prebuilt one does not fit', () => {
    putGarbage(PREBUILT);
    putAddon(BUILT);
    expect(load()).toBe(join(copy, BUILT));
  });

  describe('for a Node that is linked with musl', () => {
    /** The beginning of such a program: it names its dynamic linker. */
    const node = (): string => {
      const file = join(copy, 'node');
      writeFileSync(file, Buffer.concat([readFileSync(process.execPath).subarray(0, 64), Buffer.from('\0/lib/ld-musl-x86_64.so.1\0')]));
      return file;
    };

    test('is the one for musl', () => {
      putAddon(PREBUILT);
      putAddon(FOR_MUSL);
      expect(load({}, { node: node() })).toBe(join(copy, FOR_MUSL));
    });

    test('is never the one for glibc, which musl would not refuse', () => {
      putAddon(PREBUILT);
      const error = load({}, { node: node() });
      expect(error).toMatch(/ no native addon for \w+-\w+-musl /);
      expect(error).toContain(` ${FOR_MUSL}, `);
    });
  });

  test('is the one named by the environment', () => {
    putAddon(BUILT);
    putAddon('other.node');
    expect(load({ NFQLB_ADDON: join(copy, 'other.node') })).toBe(join(copy, 'other.node'));
  });

  test('that is missing is an error that says where it was searched, and what to do', () => {
    const error = load();
    expect(error).toMatch(/^NativeError NO_ADDON no native addon for \w+-\w+-glibc and Node [\d.]+: there is no /);
    expect(error).toContain(` ${PREBUILT}, `);
    expect(error).toContain(`, ${BUILT} in ${copy}, `);
    expect(error).toMatch(/`pnpm build` compiles it in a checkout; on Debian, this needs: apt-get install g\+\+ make python3$/);
    expect(error).not.toContain('\n');
  });

  test('that cannot be loaded is an error that says why', () => {
    putGarbage(BUILT);
    expect(load()).toMatch(`: ${join(copy, BUILT)} cannot be loaded: ${join(copy, BUILT)}: file too short. `);
  });
});

describe('scripts/build.mjs', () => {
  beforeEach(() => {
    for (const folder of ['scripts', 'addon']) cpSync(join(PACKAGE, folder), join(copy, folder), { recursive: true });
    symlinkSync(join(PACKAGE, 'node_modules'), join(copy, 'node_modules'));
  });

  function build(environment: Readonly<Record<string, string>> = {}): { status: number | null; printed: string } {
    const env = { ...process.env, ...environment };
    const { status, stdout, stderr } = spawnSync(process.execPath, [join(copy, 'scripts/build.mjs')], { encoding: 'utf8', env });
    return { status, printed: stdout + stderr };
  }
  const withoutTools = { PATH: '/nonexistent' };
  const MISSING = '@nfqlb/native: g++ is missing, and no prebuilt addon fits; on Debian: apt-get install g++ make python3\n';

  test('does nothing when the addon was built from these sources', () => {
    putAddon(BUILT);
    const { mtimeMs } = statSync(join(copy, BUILT));
    expect(build(withoutTools)).toEqual({ status: 0, printed: '' });
    expect(statSync(join(copy, BUILT)).mtimeMs).toBe(mtimeMs);
  });

  test('does nothing when a prebuilt one fits', () => {
    putAddon(PREBUILT);
    expect(build(withoutTools)).toEqual({ status: 0, printed: '' });
  });

  test('compiles when a source has changed, and removes a prebuilt addon from other sources', () => {
    putAddon(PREBUILT);
    writeFileSync(join(copy, 'addon/descriptor.h'), '#error "changed"\n');
    const { status, printed } = build();
    expect(status).toBe(1);
    expect(printed).toContain('#error "changed"');
    expect(printed.trim()).toMatch(/@nfqlb\/native: the addon could not be compiled$/);
    expect(existsSync(join(copy, PREBUILT))).toBe(false);
  });

  test('says in one line what is missing', () => {
    expect(build(withoutTools)).toEqual({ status: 1, printed: MISSING });
  });
});
