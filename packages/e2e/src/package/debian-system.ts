import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { E2eError } from '../e2e-error.js';
import { Running, run } from '../processes/running.js';
import type { Namespace } from '../topology/namespace.js';

/** What the package depends on, and systemd, in addition to a minimal Debian 12. */
const INCLUDED = 'systemd,dbus,adduser,iproute2,iptables';
const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const BOOT_TIMEOUT_MS = 60_000;
const CGROUP_TIMEOUT_MS = 20_000;

/** When this program is killed, so are all those that it has started: systemd-nspawn alone would leave the system running. */
const OUTLIVED_BY_NOTHING = 'unshare --pid --fork --kill-child --mount-proc';

/** Where cgroups are: on a machine with both versions, in two places. */
const CGROUPS = ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup/unified'];

/** A Debian 12 in a folder in memory, made by debootstrap; booted, it is a container in a network namespace, with systemd as its first process. */
export class DebianSystem implements AsyncDisposable {
  readonly folder: string;
  readonly #name: string;
  #container: Running | undefined;
  #init: number | undefined;

  private constructor(name: string) {
    this.#name = name;
    this.folder = join(tmpdir(), name);
  }

  static async create(): Promise<DebianSystem> {
    const system = new DebianSystem(`nfqlb-debian-${process.pid}`);
    mkdirSync(system.folder);
    try {
      // In memory: dpkg waits for each file to be on the disk.
      await run(['mount', '-t', 'tmpfs', '-o', 'mode=755', system.#name, system.folder]);
      await run(['debootstrap', '--variant=minbase', `--include=${INCLUDED}`, 'bookworm', system.folder, 'http://deb.debian.org/debian']);
      await run(['rm', '-rf', join(system.folder, 'var/cache/apt/archives')]);
    } catch (error) {
      await system[Symbol.asyncDispose]();
      throw error;
    }
    return system;
  }

  /** Runs a program, in the booted system or else in the folder, and returns its stdout. */
  run(command: readonly string[], input?: string): Promise<string> {
    const enter = this.#init === undefined ? ['chroot', this.folder] : ['nsenter', '--target', String(this.#init), '--all'];
    return run([...enter, 'env', '-i', `PATH=${PATH}`, 'DEBIAN_FRONTEND=noninteractive', ...command], input === undefined ? {} : { input });
  }

  /** Starts systemd, with its services. */
  async boot(namespace: Namespace): Promise<void> {
    // In its own cgroups, which are removed at the end.
    const enter = CGROUPS.map(
      (top) => `if [ -d ${top} ]; then mkdir ${top}/${this.#name} && echo $$ >${top}/${this.#name}/cgroup.procs; fi`,
    );
    const nspawn = [
      'systemd-nspawn --quiet --boot --register=no --keep-unit --console=pipe --capability=CAP_NET_ADMIN',
      `--directory=${this.folder} --machine=${this.#name} --network-namespace-path=${namespace.path}`,
    ];
    this.#container = await Running.start(['sh', '-ec', [...enter, `exec ${OUTLIVED_BY_NOTHING} ${nspawn.join(' ')}`].join('\n')]);
    const { pid } = this.#container;
    const deadline = Date.now() + BOOT_TIMEOUT_MS;
    const state = async (): Promise<string> => {
      const nspawn = childOf(pid);
      const init = nspawn && childOf(nspawn);
      if (init === undefined) return 'no process';
      this.#init = init;
      return this.run(['systemctl', 'is-system-running']).catch((error: Error) => error.message);
    };
    for (let seen = await state(); seen !== 'running\n'; seen = await state()) {
      if (this.#container.ended) throw await this.#container.failure('ended on start');
      if (Date.now() > deadline) throw new E2eError('timed-out', `Debian has not started after ${BOOT_TIMEOUT_MS} ms: ${seen}`);
      await sleep(200);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#container?.stop('SIGKILL');
    this.#init = undefined;
    await run(['umount', '--lazy', this.folder]).catch(() => {});
    rmSync(this.folder, { recursive: true, force: true });
    rmSync(`/run/systemd/nspawn/propagate/${this.#name}`, { recursive: true, force: true });
    for (const top of CGROUPS) await removeCgroup(join(top, this.#name));
  }
}

function childOf(pid: number): number | undefined {
  const [child] = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return child === undefined ? undefined : Number(child);
}

/** With those below it, once their processes have ended. */
async function removeCgroup(top: string): Promise<void> {
  const deadline = Date.now() + CGROUP_TIMEOUT_MS;
  while (existsSync(top)) {
    const below = readdirSync(top, { recursive: true, withFileTypes: true }).filter((entry) => entry.isDirectory());
    const folders = [top, ...below.map((entry) => join(entry.parentPath, entry.name))];
    // The innermost first.
    for (const folder of folders.sort((a, b) => b.length - a.length)) {
      try {
        rmdirSync(folder);
      } catch (error) {
        if (Date.now() > deadline) throw new E2eError('timed-out', `${folder} still has processes`, { cause: error });
      }
    }
    await sleep(50);
  }
}
