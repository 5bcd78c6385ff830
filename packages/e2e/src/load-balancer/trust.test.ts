// Other users of the machine can do no harm to a load balancer through shared memory or its sockets.

import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { afterEach, expect, test } from 'vitest';
import { type Running, run } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

const UID = 65534;
/** A group that `nobody` may be a member of. */
const GROUP = 4711;

/** Connects to an abstract socket, sends a text, and prints what it receives until the socket is closed. */
const CONNECT = `
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect('\\0' + sys.argv[1])
if sys.argv[2]: s.sendall(sys.argv[2].encode())
while data := s.recv(4096):
    sys.stdout.write(data.decode())
`;

/** Another user, without capabilities. */
const nobody = (...groups: readonly number[]): string[] => [
  'setpriv',
  `--reuid=${UID}`,
  `--regid=${UID}`,
  groups.length === 0 ? '--clear-groups' : `--groups=${groups.join(',')}`,
  '--bounding-set=-all',
  '--inh-caps=-all',
];
/** Another user, with the capability that a load balancer needs. */
const SERVICE = ['setpriv', `--reuid=${UID}`, `--regid=${UID}`, '--clear-groups', '--inh-caps=+net_admin', '--ambient-caps=+net_admin'];

const memory = (name: string): string => `/dev/shm/${name}`;

function writable(path: string): void {
  writeFileSync(path, Buffer.alloc(64));
  chmodSync(path, 0o666);
}

const filesToRemove: string[] = [];
afterEach(() => {
  for (const path of filesToRemove.splice(0)) rmSync(path, { force: true });
});

/** Waits until it fails with a one-line error, and returns that line. */
async function refusal(running: Running): Promise<string> {
  expect((await running.exited).status).toBe(1);
  const lines = running.stderr.trim().split('\n');
  expect(lines.filter((line) => !line.includes(': warning: '))).toHaveLength(1);
  return lines.at(-1)!;
}

describeLive(
  'another user',
  () => {
    test('who created the table first: root’s commands do not use it; init replaces it', async () => {
      await using net = await Topology.create({ targets: 1 });
      const table = net.sharedMemory('squatted');
      const nfqlb = (...args: string[]): Promise<Running> => net.lb.spawn([...NFQLB.command, ...args]);
      await net.lb.run([...nobody(), ...NFQLB.command, 'init', `--shm=${table}`]);
      await net.lb.run([...nobody(), ...NFQLB.command, 'activate', `--shm=${table}`, '666']);
      const reason = `shared memory ${table}: it belongs to nobody (uid 65534), must belong to root: remove it (nfqlb delete --shm=${table}), or run this as its owner`;
      const config = memory(net.sharedMemory('flows.yaml'));
      filesToRemove.push(config);
      writeFileSync(config, `tables:\n  ${table}: { targets: { 1: 1 } }\nflows:\n  - { name: web, target: ${table} }\n`);
      expect(await refusal(await nfqlb('lb', `--tshm=${table}`))).toBe(`nfqlb lb: ${reason}`);
      expect(await refusal(await nfqlb('lb', `--tshm=${table}`, `--lbshm=${table}`))).toBe(`nfqlb lb: ${reason}`);
      expect(await refusal(await nfqlb('flowlb', `--config=${config}`))).toBe(`nfqlb flowlb: ${reason}`);
      for (const command of ['activate', 'deactivate']) {
        expect(await refusal(await nfqlb(command, `--shm=${table}`, '1'))).toBe(`nfqlb ${command}: ${reason}`);
      }
      expect(await refusal(await nfqlb('show', `--shm=${table}`))).toBe(`nfqlb show: ${reason}`);
      await net.lb.run([...NFQLB.command, 'init', `--shm=${table}`]);
      expect(statSync(memory(table)).uid).toBe(0);
      // That user cannot replace it again, and is told why.
      const again = await net.lb.spawn([...nobody(), ...NFQLB.command, 'init', `--shm=${table}`]);
      expect(await refusal(again)).toBe(`nfqlb init: shared memory ${table}: cannot be replaced: it belongs to root`);
      expect(readdirSync('/dev/shm').filter((name) => name.startsWith('.nfqlb-') && statSync(memory(name)).uid === UID)).toEqual([]);
    });

    test('who creates a table under a freed name: it is not used; the targets stay', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net);
      await EchoServers.start(net);
      await lb.run('delete', `--shm=${lb.table}`);
      await lb.process.waitForOutput(/was deleted/);
      await net.lb.run([...nobody(), ...NFQLB.command, 'init', `--shm=${lb.table}`]);
      await net.lb.run([...nobody(), ...NFQLB.command, 'activate', `--shm=${lb.table}`, '666']);
      await lb.process.waitForOutput(
        /warning: table \S+ is not used; the targets stay as they were: shared memory .* it belongs to nobody/,
      );
      expect((await ask(net, { protocol: 'udp', connections: 5 })).byTarget).toEqual([5]);
      expect(lb.process.stderr.match(/is not used/g)).toHaveLength(1);
    });

    test.each<[string, (path: string) => void, RegExp]>([
      ['empty', (path) => execFileSync('setpriv', [`--reuid=${UID}`, 'touch', path]), /it belongs to nobody/],
      ['empty and owned by root', (path) => writeFileSync(path, '', { mode: 0o600 }), /it is empty/],
      [
        'owned by another user',
        (path) => execFileSync('setpriv', [`--reuid=${UID}`, 'sh', '-c', `umask 077; head -c 64 /dev/zero >${path}`]),
        /it belongs to nobody/,
      ],
      ['world-writable', (path) => writable(path), /others may write to it/],
      ['too small', (path) => writeFileSync(path, Buffer.alloc(3), { mode: 0o600 }), /it has 3 octets/],
      ['a pipe', (path) => execFileSync('setpriv', [`--reuid=${UID}`, 'mkfifo', path]), /is not a file/],
    ])('cannot stop a load balancer through its optional shared memory: %s; one warning', async (_, make, why) => {
      await using net = await Topology.create({ targets: 1 });
      await EchoServers.start(net);
      const table = net.sharedMemory(net.lb.host);
      make(memory(`${table}-trace`));
      // Root may replace a pipe, and files of other users.
      await using lb = await LoadBalancer.start(net);
      await lb.process.waitForOutput(/listening on queue 2/);
      const warnings = lb.process.stderr.split('\n').filter((line) => line.includes('warning'));
      expect(warnings).toHaveLength(1);
      expect(warnings[0]).toMatch(why);
      expect((await ask(net, { protocol: 'udp', connections: 5 })).byTarget).toEqual([5]);
      // A trace needs no shared memory.
      await using trace = await lb.spawn('trace', '--selection=packet', '--count=5');
      await trace.waitForOutput(/^Mask=/);
      await expect
        .poll(
          async () => {
            await ask(net, { protocol: 'udp', connections: 5 });
            return trace.ended;
          },
          { timeout: 10_000 },
        )
        .toBe(true);
      expect((await trace.exited).status).toBe(0);
    });

    test('cannot block a command with a pipe named like a table', async () => {
      await using net = await Topology.create({ targets: 1 });
      const table = net.sharedMemory('pipe');
      await run([...nobody(), 'mkfifo', '-m', '666', memory(table)]);
      filesToRemove.push(memory(table));
      const within = (...args: string[]): Promise<Running> => net.lb.spawn(['timeout', '--signal=KILL', '10', ...NFQLB.command, ...args]);
      for (const args of [
        ['show', `--shm=${table}`],
        ['lb', `--tshm=${table}`],
        ['activate', `--shm=${table}`, '1'],
      ]) {
        expect(await refusal(await within(...args))).toBe(`nfqlb ${args[0]}: shared memory ${table}: ${memory(table)} is not a file`);
      }
      const doctor = await within('doctor');
      expect((await doctor.exited).signal).toBeNull();
      expect(doctor.stdout).toMatch(/^\w+ +tables /m);
    });

    test('can run a load balancer after root has traced, with a warning for each optional part', async () => {
      await using net = await Topology.create({ targets: 1 });
      await EchoServers.start(net);
      await net.lb.queue('2');
      const [table, trace, fragments] = [net.sharedMemory('own'), net.sharedMemory('own-trace'), net.sharedMemory('own-fragments')];
      const environment = ['env', `NFQLB_TRACE_SHM=${trace}`];
      await net.lb.run([...environment, ...NFQLB.command, 'loglevel', '5']);
      await run([...NFQLB.command, 'init', `--shm=${fragments}`]);
      await net.lb.run([...SERVICE, ...NFQLB.command, 'init', `--shm=${table}`]);
      await net.lb.run([...SERVICE, ...NFQLB.command, 'activate', `--shm=${table}`, `${net.target(1).fwmark}`]);
      await using lb = await net.lb.spawn([...SERVICE, ...environment, ...NFQLB.command, 'lb', `--tshm=${table}`, `--ft_shm=${fragments}`]);
      await lb.waitForOutput(/listening on queue 2/);
      expect((await ask(net, { protocol: 'udp', connections: 5 })).byTarget).toEqual([5]);
      // CAP_NET_ADMIN, number 12, and no other, in all of its threads.
      for (const thread of readdirSync(`/proc/${lb.pid}/task`)) {
        expect(readFileSync(`/proc/${lb.pid}/task/${thread}/status`, 'utf8')).toMatch(/^CapPrm:\t0{12}1000\nCapEff:\t0{12}1000$/m);
      }
      const warnings = lb.stderr.split('\n').filter((line) => line.includes('warning'));
      expect(warnings).toEqual([
        expect.stringMatching(/log level and trace mask .*: shared memory \S+: permission denied: it belongs to root; NFQLB_TRACE_SHM/),
        expect.stringMatching(/fragment statistics .*: shared memory \S+: cannot be replaced: it belongs to root/),
      ]);
      // Root and its own user may trace it and read its statistics; a third user may not.
      for (const as of [[], SERVICE]) {
        await using tracing = await net.lb.spawn([...as, ...environment, ...NFQLB.command, 'trace', '--selection=flow-conf', '--count=1']);
        await expect
          .poll(
            async () => {
              await net.lb.run([...NFQLB.command, 'trace-flow-list-names']);
              return tracing.ended;
            },
            { timeout: 10_000 },
          )
          .toBe(true);
        expect(tracing.stderr).toBe('');
        expect(JSON.parse(await net.lb.run([...as, ...NFQLB.command, 'stats']))).toMatchObject({ hsize: 500 });
      }
      const third = ['setpriv', '--reuid=4712', '--regid=4712', '--clear-groups'];
      expect(await refusal(await net.lb.spawn([...third, ...NFQLB.command, 'top', '--count=1']))).toMatch(
        /not permitted: user uid 4712 may not read the status/,
      );
      await lb.stop();
    });

    test('may not change flows, trace or read the status, unless their group may', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { flows: true, options: [`--group=${GROUP}`, `--read-group=${GROUP + 1}`] });
      const env = ['env', `NFQLB_TRACE_SHM=${lb.logConfig}`];
      const as = (groups: readonly number[], ...args: string[]): Promise<Running> =>
        net.lb.spawn([...nobody(...groups), ...env, ...NFQLB.command, ...args]);
      const takeAll = ['flow-set', '--name=all', `--target=${lb.table}`, '--dsts=0.0.0.0/0'];
      const names = (): Promise<string> => lb.run('flow-list-names');
      const how = ": run it as root or as the load balancer's user, or see its options --group and --read-group";
      expect(await refusal(await as([], ...takeAll))).toBe(
        `nfqlb flow-set: not permitted: user nobody (uid 65534) may not give flow commands${how}`,
      );
      expect(await refusal(await as([GROUP + 1], ...takeAll))).toBe(
        `nfqlb flow-set: not permitted: user nobody (uid 65534) may not change flows${how}`,
      );
      expect(await names()).toBe('[]\n');
      // C nfqlb's client reads at most 64 octets, up to a NUL.
      const request = `action:set\nname:all\ntarget:${lb.table}\ndsts:0.0.0.0/0\neoc:\n`;
      const reply = await net.lb.run([...nobody(), '/usr/bin/python3', '-c', CONNECT, 'nfqlb', request]);
      expect(reply.slice(0, 64)).toBe('FAIL: not permitted: user nobody (uid 65534) may not give flow \0');
      expect(await net.lb.run(['/usr/bin/python3', '-c', CONNECT, 'nfqlb', request])).toBe('OK\0');
      await lb.run('flow-delete', '--name=all');
      expect(await refusal(await as([], 'flow-list-names'))).toContain('may not give flow commands');
      expect(await refusal(await as([GROUP + 1], 'trace-flow-set', '--name=a'))).toContain('may not change flows');
      const explain = await as([], 'explain', '--src=1.1.1.1', '--dst=2.2.2.2', '--proto=tcp', '--sport=1', '--dport=2');
      expect(await refusal(explain)).toContain('not permitted: user nobody (uid 65534) may not give flow commands');
      const reader = await as([5, GROUP + 1], 'flow-list-names');
      expect([(await reader.exited).status, reader.stdout]).toEqual([0, '[]\n']);
      const member = await as([5, GROUP], ...takeAll);
      expect([(await member.exited).status, member.stdout, member.stderr]).toEqual([0, 'OK\n', '']);
      expect(await names()).toBe('["all"]\n');

      // While root traces.
      await lb.run('loglevel', '6');
      await using trace = await lb.spawn('trace', '--selection=packet');
      await lb.process.waitForOutput(/info: tracing packet/);
      for (const groups of [[], [GROUP + 1]]) {
        const line = await refusal(await as(groups, 'trace', '--selection=packet'));
        expect(line).toBe(`nfqlb trace: unix:nfqlb-trace: not permitted: user nobody (uid 65534) may not trace${how}`);
      }
      // Nor by connecting like C nfqlb's clients, which send nothing.
      const connecting = await net.lb.run([...nobody(), '/usr/bin/python3', '-c', CONNECT, 'nfqlb-trace', '']);
      expect(connecting).toBe(`FAIL: not permitted: user nobody (uid 65534) may not trace${how}\n`);
      await using allowed = await as([GROUP], 'trace', '--selection=flow-conf', '--count=1');
      await lb.process.waitForOutput(/info: tracing packet,flow-conf/);
      await names();
      expect((await allowed.exited).status).toBe(0);
      await trace.stop('SIGINT');

      expect(await refusal(await as([], 'top', '--count=1'))).toContain('user nobody (uid 65534) may not read the status');
      for (const group of [GROUP, GROUP + 1]) {
        const stats = await as([group], 'stats');
        expect((await stats.exited).status).toBe(0);
        expect(JSON.parse(stats.stdout)).toMatchObject({ hsize: 500 });
      }
    });

    test('cannot lock out root by using up all connections', async () => {
      await using net = await Topology.create({ targets: 1 });
      await using lb = await LoadBalancer.start(net, { flows: true });
      // Opens as many connections as it can, keeps them idle, and replaces each that is closed.
      const flood = `
import select, socket, time
held = {}
for turn in range(100000):
    for name in ('nfqlb', 'nfqlb-trace', 'nfqlb-status-2'):
        for _ in range(300 - sum(1 for _, n in held.values() if n == name)):
            s = socket.socket(socket.AF_UNIX)
            s.setblocking(False)
            try:
                s.connect('\\0' + name)
            except OSError:
                break
            held[s.fileno()] = (s, name)
    poll = select.poll()
    for fd in held: poll.register(fd, 0)
    for fd, event in poll.poll(0):
        if event & (select.POLLHUP | select.POLLERR): held.pop(fd)[0].close()
    if turn == 20: print('going', flush=True)
    time.sleep(0.02)
`;
      await using attack = await net.lb.spawn([...nobody(), '/usr/bin/python3', '-c', flood]);
      await attack.waitForOutput(/going/);
      for (let i = 0; i < 10; i++) expect(await lb.run('flow-set', '--name=web', `--target=${lb.table}`)).toBe('OK\n');
      expect(JSON.parse(await lb.run('stats'))).toMatchObject({ hsize: 500 });
      await using trace = await lb.spawn('trace', '--selection=flow-conf', '--count=1');
      await lb.run('loglevel', '6');
      await expect
        .poll(
          async () => {
            await lb.run('flow-list-names');
            return trace.ended;
          },
          { timeout: 10_000 },
        )
        .toBe(true);
      expect((await trace.exited).status).toBe(0);
      await attack.stop('SIGKILL');
    });
  },
  NFQLB,
);

describeLive(
  'two load balancers with one /dev/shm',
  () => {
    test('keep their statistics, traces and tables apart', async () => {
      await using net = await Topology.create({ targets: 1, lbs: 2 });
      const [one, two] = net.lbs as [Topology['lb'], Topology['lb']];
      const names = ['env', `NFQLB_TRACE_SHM=${net.sharedMemory('trace')}`];
      const shared = net.sharedMemory('fragments');
      const start = async (host: Topology['lb'], size: string): Promise<Running> => {
        const table = net.sharedMemory(host.host);
        await host.run([...NFQLB.command, 'init', `--shm=${table}`]);
        const running = await host.spawn([...names, ...NFQLB.command, 'lb', `--tshm=${table}`, `--ft_shm=${shared}`, `--ft_size=${size}`]);
        await running.waitForOutput(/listening on queue 2/);
        return running;
      };
      await using first = await start(one, '501');
      await using second = await start(two, '503');
      expect(first.stderr).not.toContain('warning');
      expect(second.stderr).toMatch(
        /warning: fragment statistics .*: shared memory \S+: another load balancer keeps its statistics there; --ft_shm names another/,
      );
      const stats = async (host: Topology['lb'], ...args: string[]): Promise<number> =>
        (JSON.parse(await host.run([...NFQLB.command, 'stats', ...args])) as { hsize: number }).hsize;
      expect([await stats(one), await stats(two), await stats(two, `--ft_shm=${shared}`)]).toEqual([501, 503, 501]);

      // The table of a running load balancer cannot be replaced by accident from another container, only in the same namespace or after it ended.
      const init = (host: Topology['lb']): Promise<Running> =>
        host.spawn([...NFQLB.command, 'init', `--shm=${net.sharedMemory(one.host)}`]);
      expect(await refusal(await init(two))).toMatch(
        /a load balancer of another network namespace \(another container\?\) uses this table: choose/,
      );
      expect((await (await init(one)).exited).status).toBe(0);
      await first.waitForOutput(/was replaced; using the new one/);
      await expect.poll(async () => (await (await init(two)).exited).status, { timeout: 5000 }).toBe(1);

      const follow = (host: Topology['lb']): Promise<Running> => host.spawn([...names, ...NFQLB.command, 'trace', '--selection=flow-conf']);
      const command = (host: Topology['lb']): Promise<string> => host.run([...NFQLB.command, 'trace-flow-list-names']);
      await one.run([...names, ...NFQLB.command, 'loglevel', '6']);
      await using a = await follow(one);
      await first.waitForOutput(/info: tracing flow-conf/);
      await using b = await follow(two);
      await second.waitForOutput(/info: tracing flow-conf/);
      await a.stop('SIGINT');
      await first.waitForOutput(/info: nobody traces/);
      await command(two);
      await b.waitForOutput(/flow-conf: trace-list-names/);
      expect(a.stdout).not.toContain('trace-list-names');

      // The name is free again once its user has ended, however it ended.
      await first.stop('SIGKILL');
      expect((await (await init(two)).exited).status).toBe(0);
      await using third = await start(one, '505');
      expect(third.stderr).not.toContain('fragment statistics');
      expect(await stats(one, `--ft_shm=${shared}`)).toBe(505);
      expect(existsSync(memory(shared))).toBe(true);
    });
  },
  NFQLB,
);
