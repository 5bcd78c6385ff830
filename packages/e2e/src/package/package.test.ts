// The Debian package: what is in it, and how it is installed, runs as a service, is upgraded and removed.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import { Running, run } from '../processes/running.js';
import { kernelState } from '../setup/kernel-state.js';
import { makeBare, setUpOf } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { DebianSystem } from './debian-system.js';

const ROOT = fileURLToPath(new URL('../../../..', import.meta.url));
const UNITS = ['nfqlb', 'nfqlb-up'] as const;
const CONFIGURATION = '/etc/nfqlb/nfqlb.yaml';
const CONFFILES = '/etc/nfqlb/up /etc/nfqlb/nfqlb.yaml /etc/default/nfqlb';

/** The packages, built once for all tests, and the files of the first, unpacked. */
let folder: string;
let files: string;
let packages: readonly string[];
let built: Promise<void> | undefined;
afterAll(() => built && rmSync(folder, { recursive: true, force: true }));

const packagesBuilt = (): Promise<void> => (built ??= build());

const packageFile = (name: 'nfqlb' | 'nfqlb-node'): string =>
  join(folder, packages.find((each) => each.startsWith(`${name}_`) && each.endsWith('.deb'))!);

async function build(): Promise<void> {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-packages-'));
  files = join(folder, 'files');
  // gzip, since xz takes a minute for Node.
  await run([process.execPath, join(ROOT, 'packaging/build.mjs'), `--outdir=${folder}`, '--node', '--compression=gzip']);
  packages = readdirSync(folder);
  await run(['dpkg-deb', '--extract', packageFile('nfqlb'), files]);
}

/** Files and links below a folder, with their paths in it. */
function listed(top: string): string[] {
  return readdirSync(top, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => join(entry.parentPath, entry.name).slice(top.length + 1))
    .sort();
}

/** A command's status and all that it prints. */
async function said(...command: string[]): Promise<{ readonly status: number | null; readonly text: string }> {
  await using running = await Running.start(command);
  const { status } = await running.exited;
  return { status, text: running.stdout + running.stderr };
}

describeLive(
  'the package',
  () => {
    beforeAll(packagesBuilt, 300_000);

    test('has nothing that lintian finds, besides what is explained in its overrides', async () => {
      const { status, text } = await said(
        'lintian',
        '--allow-root',
        '--fail-on=error,warning',
        packageFile('nfqlb'),
        packageFile('nfqlb-node'),
      );
      expect(text).toBe('');
      expect(status).toBe(0);
    }, 300_000);

    test('has a manual page for each command, without mistakes', async () => {
      const pages = join(files, 'usr/share/man/man1');
      const help = await run([...NFQLB.command, '--help']);
      const commands = [...help.matchAll(/^ {2}([a-z][a-z-]*) /gm)]
        .map(([, name]) => name!)
        .filter((name) => name !== 'help' && name !== 'nfqlb');
      expect(commands.length).toBeGreaterThan(20);
      const names = readdirSync(pages);
      expect(names).toEqual(expect.arrayContaining(['nfqlb.1.gz', 'ipu.1.gz', 'nfqlb-sim-replay.1.gz']));
      expect(names).toEqual(expect.arrayContaining(commands.map((name) => `nfqlb-${name}.1.gz`)));
      for (const name of names) {
        await using lint = await Running.start(['mandoc', '-T', 'lint', '-W', 'style'], {
          input: gunzipSync(readFileSync(join(pages, name))).toString(),
        });
        expect({ name, ...(await lint.exited), found: lint.stdout + lint.stderr }).toEqual({ name, status: 0, signal: null, found: '' });
      }
    });

    test('names what others wrote in it, with their licences', () => {
      const text = readFileSync(join(files, 'usr/share/doc/nfqlb/copyright'), 'utf8');
      // In the bundles of nfqlb and nfqlb-sim; in the addon; without a file of its own.
      for (const name of ['commander', 'node-addon-api', 'bintrees'])
        expect(text.match(new RegExp(`^${name} [\\d.]+ \\(MIT\\)\n[^]*?Permission is hereby granted`, 'gm'))).toHaveLength(1);
      expect(text).toMatch(/^prom-client [\d.]+ \(Apache-2\.0\)\n\(the text is in \/usr\/share\/common-licenses\/Apache-2\.0\)$/m);
    });

    test('lists them as CycloneDX', () => {
      const { bomFormat, metadata, components } = JSON.parse(readFileSync(join(files, 'usr/share/doc/nfqlb/sbom.cdx.json'), 'utf8'));
      expect({ bomFormat, name: metadata.component.name }).toEqual({ bomFormat: 'CycloneDX', name: 'nfqlb' });
      const listed = (components as readonly { name: string; version: string }[]).map(({ name, version }) => `${name} ${version}`);
      const licences = readFileSync(join(files, 'usr/share/doc/nfqlb/copyright'), 'utf8');
      expect(listed).toEqual([...licences.matchAll(/^(\S+ \d\S+) \(/gm)].map(([, title]) => title));
      expect(listed.join()).toMatch(/commander .*node-addon-api /);
    });

    test('has completions that each shell can read', async () => {
      for (const program of ['nfqlb', 'ipu', 'nfqlb-sim']) {
        for (const [shell, file] of [
          ['bash', `usr/share/bash-completion/completions/${program}`],
          ['zsh', `usr/share/zsh/vendor-completions/_${program}`],
          ['fish', `usr/share/fish/vendor_completions.d/${program}.fish`],
        ] as const) {
          expect(await said(shell, '-n', join(files, file))).toEqual({ status: 0, text: '' });
          expect(readFileSync(join(files, file), 'utf8')).toContain(`/usr/bin/${program}`);
        }
      }
    });

    test('and the tarball have the same files', async () => {
      const unpacked = join(folder, 'unpacked');
      await run(['mkdir', unpacked]);
      await run(['tar', '-xzf', packageFile('nfqlb').replace(/\.deb$/, '.tar.gz'), '-C', unpacked, '--strip-components=1']);
      expect(listed(unpacked)).toEqual(listed(files));
      expect(await said('diff', '-r', unpacked, files)).toEqual({ status: 0, text: '' });
    });

    test('has programs that say in one line that too few open files are allowed, where Node would end without a word', async () => {
      const program = join(files, 'usr/bin/nfqlb');
      expect(await said('prlimit', '--nofile=16', program, 'version')).toEqual({
        status: 1,
        text: 'nfqlb: too few open files are allowed (ulimit -n): 16; a command needs 32, a load balancer 64\n',
      });
      // The program itself is where only the package puts it.
      expect((await said('prlimit', '--nofile=32', program, 'version')).text).not.toContain('too few open files');
      expect(readFileSync(join(files, 'lib/systemd/system/nfqlb.service'), 'utf8')).toMatch(/^LimitNOFILE=65536$/m);
    });

    // 10 is an unprotected service; 21 stands for 2.1.
    test.each([
      ['nfqlb', '21', '2.1 OK'],
      ['nfqlb-up', '29', '2.9 OK'],
    ])('has a unit %s that exposes little', async (unit, threshold, level) => {
      const file = join(files, `lib/systemd/system/${unit}.service`);
      const { status, text } = await said('systemd-analyze', 'security', '--no-pager', '--offline=true', `--threshold=${threshold}`, file);
      expect(text).toContain(`Overall exposure level for ${unit}.service: ${level}`);
      expect(status).toBe(0);
    });
  },
  NFQLB,
  {
    lintian: 'lintian',
    mandoc: 'mandoc',
    'dpkg-shlibdeps': 'dpkg-dev',
    'systemd-analyze': 'systemd',
    strip: 'binutils',
    zsh: 'zsh',
    fish: 'fish',
  },
);

describeLive(
  'installed in a Debian with systemd',
  () => {
    let net: Topology;
    let system: DebianSystem;
    beforeAll(async () => {
      await packagesBuilt();
      net = await Topology.create({ targets: 2 });
      system = await DebianSystem.create();
      for (const name of ['nfqlb-node', 'nfqlb'] as const) await run(['cp', packageFile(name), join(system.folder, 'root')]);
    }, 1_200_000);
    afterAll(async () => {
      await system?.[Symbol.asyncDispose]();
      await net?.[Symbol.asyncDispose]();
    }, 120_000);

    const shell = (script: string, input?: string): Promise<string> => system.run(['sh', '-ec', script], input);
    const property = async (name: string): Promise<string> => (await shell(`systemctl show nfqlb --value -p ${name}`)).trim();
    const journal = (): Promise<string> => shell('journalctl -u nfqlb --no-pager --output=cat');
    /** `systemctl start nfqlb` and the like; a failure says what the service has said. */
    const service = (action: string, unit: (typeof UNITS)[number] = 'nfqlb'): Promise<string> =>
      shell(`systemctl ${action} ${unit} 2>&1 || { journalctl -u ${unit} --no-pager --output=cat -n 5; exit 1; }`);

    /** How many of 200 packets each target gets. */
    async function balanced(): Promise<readonly number[]> {
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 1000, count: 200 });
      await sender.finish();
      return (await receiver.finish()).byTarget;
    }

    test('it is not started, and its units are correct', async () => {
      await shell('dpkg -i /root/nfqlb-node_*.deb /root/nfqlb_*.deb');
      expect(await shell('nfqlb version; ipu makeip --cidr=192.168.128.0/17/24 --net=3 --host=7; nfqlb-sim --help | head -1')).toMatch(
        /^nfqlb-[\d.]+\n192\.168\.131\.7\nUsage: nfqlb-sim /,
      );
      for (const unit of UNITS) {
        expect(await shell(`systemctl is-enabled ${unit} || true`)).toBe('disabled\n');
        expect(await shell(`systemd-analyze verify --man=no ${unit}.service 2>&1`)).toBe('');
      }
      expect(await shell('getent passwd nfqlb')).toMatch(/^nfqlb:x:\d+:\d+:nfqlb load balancer,,,:\/nonexistent:\/usr\/sbin\/nologin$/m);
    }, 120_000);

    test('after booting, the rules are set up, and the service balances, as its user with no capabilities but CAP_NET_ADMIN and CAP_NET_RAW', async () => {
      const [one, two] = net.targets.map(({ fwmark }) => fwmark);
      const flow = `{ name: all, target: web, dsts: [${net.vip4}/32] }`;
      await shell(`cat >${CONFIGURATION}`, `tables: { web: { targets: { ${one}: 1, ${two}: 1 } } }\nflows: [${flow}]\n`);
      await shell('cat >/etc/default/nfqlb', 'NFQLB_OPTIONS="--queue=0:1 --tun=nfqlb0 --metrics=127.0.0.1:9911"\n');
      await makeBare(net);
      await shell('cat >/etc/nfqlb/up', `NFQLB_UP="${setUpOf(net).join(' ')} --queue=0:1 --sysctl"\n`);
      for (const unit of UNITS) await service('enable', unit);
      await system.boot(net.lb);
      expect(await shell('systemctl show nfqlb --value -p After')).toContain('nfqlb-up.service');
      // As the rules of udev have it; a container has no udev.
      await shell('chmod 0666 /dev/net/tun');
      await service('restart');
      expect(await property('StatusText')).toBe('listening on queues 0 to 1, flow commands at unix:nfqlb');
      const status = await shell('cat /proc/$(systemctl show nfqlb --value -p MainPID)/status');
      const user = (await shell('id -u nfqlb')).trim();
      expect(status).toMatch(new RegExp(`^Uid:(\\s+${user}){4}$`, 'm'));
      for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'])
        expect(status).toMatch(new RegExp(`^${set}:\\s+0000000000003000$`, 'm'));
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
      expect(status).toMatch(/^Seccomp:\s+2$/m);
      const packets = await balanced();
      expect(packets[0]! + packets[1]!).toBe(200);
      for (const each of packets) expect(each).toBeGreaterThan(40);
    }, 240_000);

    test('a changed file is applied, and a reload says what is wrong with it', async () => {
      const { fwmark } = net.target(2);
      await shell(`cat >${CONFIGURATION}`, `tables: { web: { targets: { ${fwmark}: 1 } } }\nflows: [{ name: all, target: web }]\n`);
      await service('reload');
      // The service follows its file; a reload has another process take over, or says what is wrong with it.
      await expect.poll(balanced, { timeout: 10_000 }).toEqual([0, 200]);
      await shell(`cat >${CONFIGURATION}.wrong <${CONFIGURATION}; echo 'flow: []' >>${CONFIGURATION}`);
      await expect(service('reload')).rejects.toThrow('nfqlb.yaml:3:1: unknown key "flow"');
      await shell(`mv ${CONFIGURATION}.wrong ${CONFIGURATION}`);
    });

    test('a reload has another process take over with changed options, without losing a packet; systemd watches that one', async () => {
      const before = await property('MainPID');
      await shell('cat >/etc/default/nfqlb', 'NFQLB_OPTIONS="--queue=0:1 --tun=nfqlb0 --metrics=127.0.0.1:9911 --linger=0"\n');
      {
        await using receiver = await Receiver.start(net, { period: 200 });
        await using sender = await Sender.start(net, { rate: 1000 });
        await service('reload');
        const sent = await sender.stop();
        expect(lost(await receiver.finish(), sent)).toBe(0);
      }
      const after = await property('MainPID');
      expect(after).not.toBe(before);
      expect(await shell(`tr '\\0' ' ' </proc/${after}/cmdline`)).toContain('--linger=0');
      expect(await shell(`test -e /proc/${before} && echo there || echo gone`)).toBe('gone\n');
      expect(await property('NRestarts')).toBe('0');
      expect(await property('SubState')).toBe('running');
      expect(await property('StatusText')).toBe('listening on queues 0 to 1, flow commands at unix:nfqlb');
      expect(await journal()).toContain(`taken over from pid ${before}`);
      // Longer than the period of the watchdog.
      await sleep(12_000);
      expect(await property('MainPID')).toBe(after);
      // One of another service, or of a shell, does not get it.
      const foreign = shell(
        'setpriv --reuid=nfqlb --regid=nfqlb --clear-groups --inh-caps=+net_admin --ambient-caps=+net_admin nfqlb flowlb --takeover --queue=0:1',
      );
      await expect(foreign).rejects.toThrow('it belongs to a service: systemctl reload has the service take over, or restart the service');
      // It is started again like the one that systemd has started itself.
      await shell(`kill -9 ${after}`);
      await expect.poll(() => property('SubState'), { timeout: 20_000 }).toBe('running');
      await expect.poll(() => property('NRestarts'), { timeout: 20_000 }).toBe('1');
      await service('restart');
      expect(await balanced()).toEqual([0, 200]);
    }, 120_000);

    test('a reload of the rules uses their changed file', async () => {
      await shell('cat >/etc/nfqlb/up', `NFQLB_UP="${setUpOf(net).join(' ')} --queue=1"\n`);
      expect(await kernelState(net.lb)).toContain('--queue-balance 0:1');
      await service('reload', 'nfqlb-up');
      const state = await kernelState(net.lb);
      expect(state).toContain('--queue-num 1');
      expect(state).not.toContain('--queue-balance');
      expect(await balanced()).toEqual([0, 200]);
    });

    test('one that hangs is killed and started again, with its tables', async () => {
      const before = await property('MainPID');
      // 0 would be the test itself.
      expect(Number(before)).toBeGreaterThan(1);
      await shell(`kill -STOP ${before}`);
      const deadline = Date.now() + 60_000;
      while ((await property('NRestarts')) !== '1' || (await property('SubState')) !== 'running') {
        expect(Date.now()).toBeLessThan(deadline);
        await sleep(500);
      }
      expect(await property('MainPID')).not.toBe(before);
      expect(await shell('journalctl --no-pager --output=cat')).toContain('nfqlb.service: Watchdog timeout');
      expect(await balanced()).toEqual([0, 200]);
    }, 90_000);

    test('an upgrade keeps the changed configuration, and replaces the running program without losing a packet', async () => {
      const before = await property('MainPID');
      const configuration = await shell(`cat ${CONFFILES}`);
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 1000 });
      await shell('dpkg -i /root/nfqlb_*.deb </dev/null');
      const sent = await sender.stop();
      expect(lost(await receiver.finish(), sent)).toBe(0);
      expect(await shell(`cat ${CONFFILES}`)).toBe(configuration);
      expect(await property('MainPID')).not.toBe(before);
      expect(await property('SubState')).toBe('running');
      expect(await balanced()).toEqual([0, 200]);
    }, 120_000);

    test('a removal stops the services and keeps the configuration; a purge leaves nothing', async () => {
      await shell('dpkg --remove nfqlb');
      expect(await shell('pgrep -u nfqlb || echo none').catch(() => 'none\n')).toBe('none\n');
      expect(await kernelState(net.lb)).not.toContain('NFQLB');
      expect((await shell(`ls ${CONFFILES}`)).trim().split('\n').sort()).toEqual(CONFFILES.split(' ').sort());
      expect(await journal()).toMatch(/stopped: \d+ packets in \d+ batches/);
      await shell('dpkg --purge nfqlb nfqlb-node');
      const left = await shell(
        'find / -xdev -name "*nfqlb*" -not -path "/proc/*" -not -path "/root/*" -not -path "/dev/shm/*" -not -path "/sys/*"',
      );
      expect(left).toBe('');
    }, 120_000);
  },
  NFQLB,
  { debootstrap: 'debootstrap', 'systemd-nspawn': 'systemd-container', 'dpkg-shlibdeps': 'dpkg-dev', strip: 'binutils' },
);
