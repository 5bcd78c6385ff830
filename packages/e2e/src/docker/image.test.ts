// The images on their own: valid and invalid configuration, and how they end.

import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import type { Family } from '../matrix/behaviours.js';
import { Running, run } from '../processes/running.js';
import { describeDocker } from '../testing/describe-docker.js';
import { missingBpfFileSystem } from '../testing/describe-fast-path.js';
import { describeUnless } from '../testing/describe-unless.js';
import { sharedSite } from '../testing/shared-site.js';
import { docker, engineProblem, LB_IMAGE, OWNER_LABEL, owner } from './engine.js';
import { VIP } from './site.js';

const OWNED = ['--label', `${OWNER_LABEL}=${owner()}`];

/** Runs the load balancer's image to completion. */
async function runImage(...args: readonly string[]): Promise<{ status: number | null; stdout: string; stderr: string }> {
  const running = await Running.start(['docker', 'run', '--rm', ...OWNED, ...args]);
  const { status } = await running.exited;
  return { status, stdout: running.stdout, stderr: running.stderr };
}

const ADMIN = '--cap-add=NET_ADMIN';
const env = (name: string, value: string): string => `--env=NFQLB_${name}=${value}`;
const VIP_4 = env('VIPS', '10.0.0.1/32');
/** An unused address on Docker's default network. */
const TARGET_4 = env('TARGETS', '172.17.200.1');
const VIP_6 = env('VIPS', '2001:db8::1/128');
const TARGET_6 = env('TARGETS', 'fd00::1');

describeDocker('the load balancer’s image', () => {
  test('runs commands', async () => {
    expect(await runImage(LB_IMAGE, 'version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^nfqlb-/) });
    expect(await runImage(LB_IMAGE, 'nfqlb', 'primebelow', '1000')).toMatchObject({ status: 0, stdout: '997\n' });
    expect(await runImage(LB_IMAGE, 'flowlb', '--help')).toMatchObject({
      status: 0,
      stdout: expect.stringContaining('--promiscuous_ping'),
    });
    expect(await runImage(LB_IMAGE, 'ipu', 'contains', '--cidr=10.0.0.0/8', '10.1.1.1')).toMatchObject({ status: 0 });
    expect(await runImage(LB_IMAGE, 'sh', '-c', 'ip -V && iptables --version')).toMatchObject({ status: 0 });
  });

  test('runs as an ordinary user, and only programs of nfqlb get CAP_NET_ADMIN', async () => {
    const script = 'id -u; grep CapEff /proc/self/status; nfqlb doctor';
    const { stdout } = await runImage(ADMIN, LB_IMAGE, 'sh', '-c', script);
    expect(stdout).toMatch(/^10001\nCapEff:\t0{16}\n/);
    expect(stdout).toContain('CAP_NET_ADMIN is there');
    expect(await runImage(ADMIN, '--security-opt=no-new-privileges', LB_IMAGE, 'doctor')).toMatchObject({
      stdout: expect.stringContaining('CAP_NET_ADMIN is missing'),
    });
    const asRoot = ['--user=0:0', '--cap-drop=ALL', ADMIN, '--security-opt=no-new-privileges'];
    expect(await runImage(...asRoot, LB_IMAGE, 'doctor')).toMatchObject({ stdout: expect.stringContaining('CAP_NET_ADMIN is there') });
  });

  test('contains no compiler and no package manager', async () => {
    const programs = 'apt apt-get dpkg cc gcc g++ make python3 perl npm npx corepack curl bash';
    const { status, stdout } = await runImage(LB_IMAGE, 'sh', '-c', `for i in ${programs}; do command -v $i; done; command -v node`);
    expect({ status, stdout }).toEqual({ status: 0, stdout: '/usr/local/bin/node\n' });
  });

  test.each<[what: string, args: readonly string[], said: string | RegExp]>([
    [
      'no variables',
      [],
      'nfqlb: no configuration: must be a file for nfqlb run, as in docker run --volume=/etc/nfqlb.yaml:/etc/nfqlb/nfqlb.yaml:ro, or virtual addresses, as in docker run --env NFQLB_VIPS=10.0.0.1/32',
    ],
    ['no targets', [VIP_4], /^nfqlb: NFQLB_TARGETS is not set; must be addresses, as in docker run --env /],
    ['no NET_ADMIN', [VIP_4, TARGET_4], /^nfqlb up: needs the capability CAP_NET_ADMIN: .* a container with --cap-add=NET_ADMIN$/],
    [
      'an invalid VIP',
      [ADMIN, env('VIPS', '10.0.0.1'), TARGET_4],
      /^nfqlb up: --vip=10.0.0.1: must be ADDRESS\/BITS such as 10.0.0.1\/32 /,
    ],
    [
      'an invalid VIP among others, one per line',
      [ADMIN, env('VIPS', '10.0.0.1/32\n10.0.0.300/32\n'), TARGET_4],
      /^nfqlb up: --vip=10.0.0.1\/32,10.0.0.300\/32: 10.0.0.300\/32: must be ADDRESS/,
    ],
    ['an invalid target', [ADMIN, VIP_4, env('TARGETS', 'web1')], /^nfqlb up: targets web1: must be ADDRESS or FWMARK=ADDRESS/],
    [
      'a Docker without IPv6',
      [ADMIN, VIP_6, TARGET_6],
      /^nfqlb: NFQLB_VIPS=2001:db8::1\/128: this container has no IPv6; it needs a network with it /,
    ],
    [
      'no forwarding of IPv6',
      [ADMIN, '--sysctl=net.ipv6.conf.all.disable_ipv6=0', VIP_6, TARGET_6],
      /^nfqlb: NFQLB_VIPS=2001:db8::1\/128: IPv6 forwarding is off in this container; it needs docker run --sysctl=net.ipv6.conf.all.forwarding=1$/,
    ],
    [
      'a target behind a router with DSR',
      [ADMIN, '--device=/dev/net/tun', VIP_4, env('MODE', 'dsr'), env('TARGETS', '192.0.2.1')],
      /^nfqlb up: target 1=192.0.2.1: must be another machine on a network of this one with --mode=dsr; /,
    ],
    ['a tun device without /dev/net/tun', [ADMIN, VIP_4, TARGET_4, env('LB_OPTIONS', '--tun=nfqlb0')], /^nfqlb lb: .*\/dev\/net\/tun/],
  ])('reports in one line: %s', async (_, args, said) => {
    const { status, stderr } = await runImage(...args, LB_IMAGE);
    const lines = stderr.trimEnd().split('\n');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toEqual(typeof said === 'string' ? said : expect.stringMatching(said));
    expect(status).toBe(1);
  });

  test('is healthy while it listens, balances without tun but warns, and leaves nothing when stopped', async () => {
    const id = (
      await docker('run', '--detach', '--rm', '--health-interval=1s', ...OWNED, ADMIN, VIP_4, TARGET_4, env('MODE', 'dsr'), LB_IMAGE)
    ).trim();
    const running = await Running.start(['docker', 'logs', '--follow', id]);
    await running.waitForOutput(/listening on queue 2/);
    await running.waitForOutput(/no \/dev\/net\/tun: fragments that come before the first of their packet are dropped/);
    const health = async (): Promise<string> => (await docker('inspect', '--format', '{{.State.Health.Status}}', id)).trim();
    for (let i = 0; i < 200 && (await health()) === 'starting'; i++) await sleep(100);
    expect(await health()).toBe('healthy');
    const waiting = docker('wait', id);
    await docker('stop', id);
    // Docker kills after ten seconds, which would give 137.
    expect((await waiting).trim()).toBe('0');
    await running.exited;
    expect(running.stderr + running.stdout).not.toContain('nothing was set up');
  });

  test.each([
    ['can, by default,', [], 'up'],
    ['cannot, without CAP_NET_RAW,', ['--cap-drop=ALL'], 'unknown'],
  ])('its ordinary user %s check targets by ICMP', async (_how, dropped, state) => {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-icmp-'));
    try {
      // The target is the machine, by its address on Docker's default network: its gateway, which `docker network inspect` knows only after a restart.
      const routes = await docker('run', '--rm', ...OWNED, '--entrypoint=cat', LB_IMAGE, '/proc/net/route');
      const [, hexadecimal] = /^\S+\t00000000\t(\w{8})/m.exec(routes)!;
      const gateway = Buffer.from(hexadecimal!, 'hex').reverse().join('.');
      const web = {
        mode: 'nat',
        vips: ['10.0.0.1/32'],
        health: { type: 'icmp', interval: 0.2, timeout: 0.2 },
        targets: [{ fwmark: 1, address: gateway }],
      };
      writeFileSync(join(folder, 'nfqlb.yaml'), JSON.stringify({ tables: { web } }));
      chmodSync(folder, 0o755);
      const volume = `--volume=${folder}:/etc/nfqlb:ro`;
      const id = (await docker('run', '--detach', '--rm', ...OWNED, ...dropped, ADMIN, volume, LB_IMAGE)).trim();
      const running = await Running.start(['docker', 'logs', '--follow', id]);
      await running.waitForOutput(/listening on queue 2/);
      const stateOfTarget = async (): Promise<string | undefined> => {
        const status = await docker('exec', id, 'nfqlb', 'run', '--status', '--config=/etc/nfqlb/nfqlb.yaml');
        return /^ +1 +(\w+) /m.exec(status)?.[1];
      };
      for (let i = 0; i < 50 && (await stateOfTarget()) !== state; i++) await sleep(100);
      // Time for five checks: unknown is also what it begins with.
      await sleep(1000);
      expect(await stateOfTarget()).toBe(state);
      await docker('stop', id);
      await running.exited;
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('says so if its user may not open /dev/net/tun', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'nfqlb-tun-'));
    try {
      await run(['mknod', '--mode=0600', join(folder, 'tun'), 'c', '10', '200']);
      const device = `--device=${join(folder, 'tun')}:/dev/net/tun`;
      const { status, stderr } = await runImage(ADMIN, device, VIP_4, TARGET_4, env('MODE', 'dsr'), env('LB_OPTIONS', '--none'), LB_IMAGE);
      expect(status).toBe(1);
      expect(stderr).toMatch(/^nfqlb: \/dev\/net\/tun: user 10001 may not open it: .*: chmod 0666 \/dev\/net\/tun/m);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  test('is unhealthy without a listener', async () => {
    expect(await runImage('--entrypoint=nfqlb-healthy', ADMIN, LB_IMAGE)).toMatchObject({
      status: 1,
      stdout: 'nobody listens to a queue\n',
    });
  });
});

describeUnless(engineProblem() ?? missingBpfFileSystem(), 'the load balancer’s image with the machine’s BPF file system', () => {
  test('decides packets in the kernel, for the VIPs of its rules', async () => {
    // Docker 20.10 knows no CAP_BPF; CAP_SYS_ADMIN includes it.
    const allowed = ['--user=0:0', ADMIN, '--cap-add=SYS_ADMIN', '--volume=/sys/fs/bpf:/sys/fs/bpf'];
    const options = [env('UP_OPTIONS', '--fast'), env('LB_OPTIONS', '--fast=eth0')];
    const id = (await docker('run', '--detach', '--rm', ...OWNED, ...allowed, VIP_4, TARGET_4, ...options, LB_IMAGE)).trim();
    const running = await Running.start(['docker', 'logs', '--follow', id]);
    await running.waitForOutput(/listening on queue 2/, 20_000);
    expect(running.stdout + running.stderr).toContain('fast path: eth0: attached');
    const { fastPath } = JSON.parse(await docker('exec', id, 'nfqlb', 'top', '--json', '--count=1', '--interval=0.2'));
    expect(fastPath).toMatchObject({ vips: ['10.0.0.1/32'], interfaces: [{ name: 'eth0', state: 'attached' }] });
    const waiting = docker('wait', id);
    await docker('stop', id);
    expect((await waiting).trim()).toBe('0');
  });
});

describeDocker('a target’s image', () => {
  const shared = sharedSite({ mode: 'dsr', queues: 1, targets: 1 });

  describe.each([4, 6] as Family[])('over IPv%i', (family) => {
    test('answers with its name over TCP, UDP, HTTP, SCTP and SCTP in UDP', async () => {
      const { client } = shared();
      const host = family === 4 ? VIP[4] : `[${VIP[6]}]`;
      expect(await client.run('curl', '-sS', '--globoff', '--max-time', '5', `http://${host}/`)).toBe('t1\n');
      const program = (protocol: string, begin: string): string =>
        `const socket = ${begin}; socket.on('${protocol}', (data) => { process.stdout.write(data); process.exit(); }); setTimeout(() => process.exit(1), 3000);`;
      const tcp = program('data', `require('net').connect(7, '${VIP[family]}'); socket.write('?\\n')`);
      const udp = program('message', `require('dgram').createSocket('udp${family}'); socket.send('?', 7, '${VIP[family]}')`);
      expect(await client.run('node', '-e', tcp)).toBe('t1\n');
      expect(await client.run('node', '-e', udp)).toBe('t1\n');
      expect(await client.run('sctp', 'ask', VIP[family], '7', '20000')).toBe('t1\n');
      expect(await client.run('sctp', 'ask', VIP[family], '7', '30000', '9899')).toBe('t1\n');
    });
  });
});
