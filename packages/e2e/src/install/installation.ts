import { copyFile, cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { run } from '../processes/running.js';

/**
 * Runs a program in the root folder `$0`, without the environment variables of this machine. /proc, /dev and /sys are there as long as it runs; shared memory is the root's own. Every command
 * is replaced by the next one, so the process id is the program's.
 */
const INSIDE = `
for folder in proc dev sys; do mount --rbind /$folder "$0/$folder"; done
mount --bind "$0/shm" "$0/dev/shm"
exec chroot "$0" /usr/bin/env --ignore-environment PATH=/usr/local/bin:/usr/bin HOME=/root "$@"`;

/** Of `#!/usr/bin/env node`, which npm begins with, and for the launcher. */
const TOOLS = ['/usr/bin/env', '/bin/sh', '/usr/bin/readlink'];

/** npm as it came with this Node. */
const NPM = join(dirname(dirname(process.execPath)), 'lib/node_modules/npm');

/** A root folder with Node, npm, the C library and what `#!` lines and the launcher need, and nothing else: no compiler, no checkout. Disposing of it removes it. */
export class Installation implements AsyncDisposable {
  readonly root: string;

  private constructor(root: string) {
    this.root = root;
  }

  /** @param node the program `node` */
  static async create(node: string): Promise<Installation> {
    const installation = new Installation(await mkdtemp(join(tmpdir(), 'nfqlb-install-')));
    const { root } = installation;
    for (const folder of [
      'proc',
      'dev',
      'sys',
      'shm',
      'tmp',
      'root',
      'project',
      'usr/bin',
      'usr/local/bin',
      'usr/local/lib/node_modules',
    ]) {
      await mkdir(join(root, folder), { recursive: true });
    }
    await copyFile(node, join(root, 'usr/local/bin/node'));
    await cp(NPM, join(root, 'usr/local/lib/node_modules/npm'), { recursive: true });
    await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, 'usr/local/bin/npm'));
    await symlink('usr/bin', join(root, 'bin'));
    for (const program of TOOLS) await copyFile(program, join(root, 'usr/bin', basename(program)));
    for (const program of [node, ...TOOLS]) {
      for (const [library] of (await run(['ldd', program])).matchAll(/\/\S+/g)) {
        await mkdir(join(root, dirname(library)), { recursive: true });
        await copyFile(library, join(root, library));
      }
    }
    return installation;
  }

  /** Copies a file of this machine to the root folder's `project`. */
  async add(file: string): Promise<string> {
    await copyFile(file, join(this.root, 'project', basename(file)));
    return `/project/${basename(file)}`;
  }

  /** `npm install` with these options and tarballs, without any network: the tarballs must be enough. */
  async install(tarballs: readonly string[], ...options: readonly string[]): Promise<void> {
    const added: string[] = [];
    for (const tarball of tarballs) added.push(await this.add(tarball));
    await run(['unshare', '--net', ...this.command('npm', 'install', '--no-audit', '--no-fund', ...options, ...added)]);
  }

  /** The command line, on this machine, of a program in the root folder. */
  command(...program: readonly string[]): string[] {
    return ['unshare', '--mount', 'sh', '-ec', INSIDE, this.root, ...program];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.root, { recursive: true, force: true });
  }
}
