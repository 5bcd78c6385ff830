// What users get: the tarballs that are published, installed where there is nothing but Node.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { run } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { Installation } from './installation.js';
import { type NodeLine, nodeRelease } from './node-release.js';
import { filesIn, pack, type Tarball } from './packages.js';
import { Readme } from './readme.js';

const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
const CAPTURE = path('../../../sim/captures/web-and-dns.pcap');
const TYPES = path('../../../../node_modules/@types');
const TSC = path('../../../../node_modules/.bin/tsc');

/** Building, packing and downloading another Node take minutes on a slow machine. */
const SLOW_MS = 600_000;

describeLive('the published packages', () => {
  let folder: string;
  let tarballs: Tarball[];

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'nfqlb-packages-'));
    tarballs = await pack(folder);
  }, SLOW_MS);
  afterAll(() => rmSync(folder, { recursive: true }));

  const tarball = (name: string): Tarball => tarballs.find(({ manifest }) => manifest.name === name)!;

  test('are five, and contain only what works outside the repository', async () => {
    expect(tarballs.map(({ manifest }) => manifest.name)).toEqual([
      '@nfqlb/cli',
      '@nfqlb/core',
      '@nfqlb/native',
      '@nfqlb/sim',
      '@nfqlb/testing',
    ]);
    for (const { manifest, file } of tarballs) {
      expect(manifest).toMatchObject({
        license: 'Apache-2.0',
        repository: { type: 'git' },
        keywords: expect.arrayContaining([expect.any(String)]),
        engines: { node: '>=20.19' },
      });
      expect(manifest).not.toHaveProperty('devDependencies');
      expect(JSON.stringify(manifest)).not.toMatch(/@nfqlb\/source|workspace:|\.\/testing/);
      const files = await filesIn({ manifest, file });
      expect(files).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'package.json']));
      expect(
        files.filter((name) => /\.(ts|map|tsbuildinfo|json)$|testing\/|src\//.test(name) && !/\.d\.ts$|^package\.json$/.test(name)),
      ).toEqual([]);
    }
    expect(tarball('@nfqlb/native').manifest.dependencies).toEqual({ '@nfqlb/core': expect.stringMatching(/^\d+\.\d+\.\d+$/) });
    for (const name of ['@nfqlb/cli', '@nfqlb/core', '@nfqlb/sim']) expect(tarball(name).manifest).not.toHaveProperty('dependencies');
    const prebuilt = `prebuilds/linux-${process.arch}-glibc.node`;
    for (const name of ['@nfqlb/cli', '@nfqlb/native']) expect(await filesIn(tarball(name))).toContain(prebuilt);
    for (const name of ['@nfqlb/cli', '@nfqlb/native'])
      expect(await filesIn(tarball(name))).toContain('prebuilds/third-party-licences.txt');
    for (const name of ['@nfqlb/cli', '@nfqlb/sim', '@nfqlb/testing'])
      expect(await filesIn(tarball(name))).toContain('dist/third-party-licences.txt');
    expect(tarball('@nfqlb/testing').manifest).toMatchObject({
      dependencies: { '@nfqlb/core': expect.any(String) },
      optionalDependencies: { '@nfqlb/cli': expect.any(String), '@nfqlb/native': expect.any(String) },
      peerDependencies: { vitest: expect.any(String) },
    });
  });

  test('pass publint and, with types for ES modules, attw', { timeout: SLOW_MS }, () => {
    for (const { file, manifest } of tarballs) {
      const linted = spawnSync('npx', ['publint', 'run', file, '--strict'], { cwd: path('../../'), encoding: 'utf8' });
      expect({ file, status: linted.status, said: linted.stdout + linted.stderr }).toMatchObject({ status: 0 });
      // Programs have no types.
      if (Object.keys(manifest.exports).length === 1) continue;
      const typed = spawnSync('npx', ['attw', file, '--profile', 'esm-only'], { cwd: path('../../'), encoding: 'utf8' });
      expect({ file, status: typed.status, said: typed.stdout + typed.stderr }).toMatchObject({ status: 0 });
    }
  });

  test('@nfqlb/testing in an empty project: npm adds Vitest, the examples run in both worlds and have types', {
    timeout: SLOW_MS,
  }, async () => {
    const project = mkdtempSync(join(tmpdir(), 'nfqlb-project-'));
    try {
      writeFileSync(join(project, 'package.json'), '{ "type": "module" }');
      const files = ['@nfqlb/testing', '@nfqlb/core', '@nfqlb/native', '@nfqlb/cli'].map((name) => tarball(name).file);
      await run(['npm', 'install', `--prefix=${project}`, '--save-dev', '--prefer-offline', '--no-audit', '--no-fund', ...files]);
      cpSync(path('../../../testing/examples'), project, { recursive: true });
      for (const world of ['simulated', 'live']) {
        const vitest = [process.execPath, 'node_modules/vitest/vitest.mjs', 'run', '--reporter=json', '--test-timeout=60000'];
        const report = await run(['env', '--unset=VITEST', `--chdir=${project}`, `NFQLB_WORLD=${world}`, ...vitest]);
        expect(JSON.parse(report)).toMatchObject({ numTotalTests: 4, numPassedTests: 4 });
      }
      const types = ['--ignoreConfig', '--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext', '--target', 'es2023'];
      const libraries = ['--lib', 'es2023,esnext.disposable', '--types', 'node', '--typeRoots', TYPES];
      const tests = readdirSync(project).filter((name) => name.endsWith('.test.ts'));
      await run([TSC, ...types, ...libraries, ...tests.map((name) => join(project, name))]);
    } finally {
      rmSync(project, { recursive: true });
    }
  });

  test('pnpm’s links start the programs, in a folder with a space, and say that too few open files are allowed', {
    timeout: SLOW_MS,
  }, async () => {
    const project = mkdtempSync(join(tmpdir(), 'nfqlb a project '));
    try {
      writeFileSync(join(project, 'package.json'), '{}');
      const files = ['@nfqlb/cli', '@nfqlb/sim'].map((name) => tarball(name).file);
      await run(['npx', '-y', 'pnpm@12', 'add', `--dir=${project}`, '--prefer-offline', ...files]);
      for (const [program, given] of [
        ['nfqlb', 'nfqlb'],
        ['ipu', 'ipu'],
        ['nfqlb-sim', 'sim'],
      ] as const) {
        const link = join(project, 'node_modules/.bin', program);
        expect(await run([link, '--help'])).toMatch(new RegExp(`^Usage: ${program} `));
        await expect(run(['prlimit', '--nofile=16', link, '--help'])).rejects.toThrow(`${given}: too few open files are allowed`);
      }
    } finally {
      rmSync(project, { recursive: true });
    }
  });

  describe.each([20, 22, 24] as const satisfies readonly NodeLine[])('with Node %i and nothing else', (line) => {
    let installed: Installation;

    beforeAll(async () => {
      installed = await Installation.create(await nodeRelease(line));
      // The one for tests needs Vitest.
      const programs = tarballs.filter(({ manifest }) => manifest.name !== '@nfqlb/testing');
      await installed.install(
        programs.map(({ file }) => file),
        '--global',
      );
    }, SLOW_MS);
    afterAll(() => installed[Symbol.asyncDispose]());

    const inside = (...command: readonly string[]): Promise<string> => run(installed.command(...command));

    test('npm install --global of the tarballs gives nfqlb, ipu and nfqlb-sim', async () => {
      expect(await inside('node', '--version')).toMatch(new RegExp(`^v${line}\\.`));
      const programs = readdirSync(join(installed.root, 'usr/local/bin')).sort();
      expect(programs).toEqual(['ipu', 'nfqlb', 'nfqlb-sim', 'node', 'npm']);
      const { version } = tarball('@nfqlb/cli').manifest as unknown as { version: string };
      expect(await inside('nfqlb', 'version')).toBe(`nfqlb-${version}\n`);
      expect(await inside('ipu', 'linklocal', '02:00:00:00:00:01')).toBe('fe80::ff:fe00:1\n');
      for (const program of ['nfqlb', 'ipu', 'nfqlb-sim'])
        expect(await inside(program, '--help')).toMatch(new RegExp(`^Usage: ${program} `));
      // Where Node would end without a word.
      for (const program of ['nfqlb', 'ipu', 'nfqlb-sim']) {
        await expect(inside('sh', '-c', `ulimit -n 16; exec ${program} --version`)).rejects.toThrow(
          `(status 1): ${program}: too few open files are allowed (ulimit -n): 16; a command needs 32, a load balancer 64`,
        );
      }
    });

    test('nfqlb lb balances live traffic', async () => {
      await using net = await Topology.create({ targets: 4, mode: 'dsr' });
      await using _echo = await EchoServers.start(net);
      const program = { name: 'installed', command: installed.command('nfqlb') };
      await using lb = await LoadBalancer.start(net, { program, queue: '0:3' });
      for (const family of [4, 6] as const) {
        for (const protocol of ['udp', 'tcp'] as const) {
          const answers = await ask(net, { family, protocol, connections: 40, repeat: 3 });
          expect(answers).toMatchObject({ answered: 120, broken: 0, moved: 0 });
          expect(answers.byTarget.filter((count) => count > 0)).toHaveLength(4);
        }
      }
      // Reassembled fragments come back through the tun device.
      expect(await ask(net, { protocol: 'udp', octets: 4000, connections: 20 })).toMatchObject({ answered: 20, broken: 0 });
      expect(await net.lb.astray()).toBe(0);
      expect(await lb.queueStatus()).toHaveLength(4);
    });

    test('the READMEs of the programs show what these print', async () => {
      await installed.add(CAPTURE);
      for (const name of ['@nfqlb/cli', '@nfqlb/sim']) {
        for (const { command, output } of new Readme(tarball(name).manifest.repository.directory).steps()) {
          expect([command, await inside('env', '--chdir=/project', ...command)]).toEqual([command, output]);
        }
      }
    });

    test('the READMEs of the libraries show what their examples print, and these have types', async () => {
      const library = (name: string): Readme => new Readme(tarball(name).manifest.repository.directory);
      mkdirSync(join(installed.root, 'project'), { recursive: true });
      await installed.install([tarball('@nfqlb/core').file, tarball('@nfqlb/native').file], '--prefix', '/project');
      const core = library('@nfqlb/core');
      const native = library('@nfqlb/native');
      writeFileSync(join(installed.root, 'project/core.mjs'), core.block('js'));
      writeFileSync(join(installed.root, 'project/native.mjs'), native.block('js'));

      const options = [
        '--ignoreConfig',
        '--noEmit',
        '--checkJs',
        '--strict',
        '--module',
        'nodenext',
        '--target',
        'es2023',
        '--types',
        'node',
        '--typeRoots',
        TYPES,
      ];
      await run([TSC, ...options, join(installed.root, 'project/core.mjs'), join(installed.root, 'project/native.mjs')]);

      expect(await inside('node', '/project/core.mjs')).toBe(core.block('text'));

      await using net = await Topology.create({ targets: 2 });
      await using _echo = await EchoServers.start(net);
      await net.lb.queue('2');
      await using example = await net.lb.spawn(installed.command('node', '/project/native.mjs'));
      await expect.poll(() => net.lb.run(['cat', '/proc/net/netfilter/nfnetlink_queue']), { timeout: 10_000 }).toMatch(/^ +2 /);
      expect(await ask(net, { protocol: 'udp', octets: 8 })).toMatchObject({ answered: 1, byTarget: [1] });
      expect(await example.output()).toBe(native.block('text'));
    });
  });
});
