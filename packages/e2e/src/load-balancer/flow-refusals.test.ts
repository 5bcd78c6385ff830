// Invalid flow commands of users and programs: one line of error, and nothing changes.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { answering, type ListedFlow, startFlowLb, tableOf } from './application.js';
import { FLOW_ADDRESS, repliesOfFlowLb } from './flow-commands.js';
import type { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

type Fields = Readonly<Record<string, string | readonly string[]>>;

function request(action: string, fields: Fields): string {
  return `action:${action}\n${Object.entries(fields)
    .map(([name, value]) => `${name}:${value}\n`)
    .join('')}eoc:\n`;
}

/** Flows that C nfqlb rejects, as recorded from it. */
const { refused } = JSON.parse(readFileSync(new URL('../../../core/test-data/flows.json', import.meta.url), 'utf8')) as {
  readonly refused: readonly { readonly flow: Fields }[];
};

const BAD_NAMES = ['', 'a#b', '#a', 'a"b', "a'b", 'a`b', 'a b', 'a/b', 'ä', 'a\u0000b', 'a\rb', 'a\tb', '\u001b[2J', 'x'.repeat(1001)];
const BAD_FIELDS: readonly Fields[] = [
  ...['0', '65536', '5-3', '80-', '-80', '080x', '4294967376', '80,,443', '1.5', '+80'].map((dports) => ({ dports })),
  ...[
    '10.0.0.1',
    '10.0.0.0/33',
    '10.0.0.0/-1',
    '10.0.0.0/24x',
    '010.0.0.0/8',
    '10.0.0/8',
    '::ffff:10.0.0.1/33x',
    'fe80::1%lo/64',
    '1000::/129',
    '10.0.0.0/8,',
  ].map((dsts) => ({ dsts })),
  ...['-1', '4294967296', '1e3', '0x10', 'high'].map((priority) => ({ priority })),
  ...['tcp[4294967295:1]=1', 'tcp[2:2]=65536', 'tcp[2:2]&0x10000=1', 'tcp[2:2]&0x0=0', 'tcp[20:1]=0', 'tcp[2:2]=080x'].map((match) => ({
    match,
  })),
  { udpencap: '65536', protocols: 'sctp' },
  { udpencap: '9899' },
  { udpencap: '9899', protocols: 'sctp,udp' },
  { target: '' },
  { target: 'a/b' },
  { target: 'nfqlb-none' },
];

/** 100 clients that send nothing, 50 that send half a line, 20 that do not read the reply, and 10 that send ten megabytes. Closed ones reconnect. */
const MISBEHAVING = `
const { connect } = require('node:net');
function client(say) {
  const socket = connect(Number(process.argv[1]), '127.0.0.1');
  socket.on('error', () => {}).on('close', () => setTimeout(client, 50, say));
  say(socket);
}
for (let i = 0; i < 100; i++) client(() => {});
for (let i = 0; i < 50; i++) client((socket) => socket.write('action:set\\nname:'));
for (let i = 0; i < 20; i++) client((socket) => socket.pause().write('action:list\\neoc:\\n'));
for (let i = 0; i < 10; i++) client((socket) => socket.write('x'.repeat(10 << 20)));
setTimeout(() => console.log('ready'), 300);
// Sockets that the server has ended, and that nobody reads, do not keep Node running.
setInterval(() => {}, 1000);
`;

/** The error message of a command that must fail. */
async function refusal(lb: LoadBalancer, ...args: readonly string[]): Promise<string> {
  return await lb.run(...args).then(
    () => 'none',
    (error: Error) => error.message,
  );
}

describeLive(
  'flow commands',
  () => {
    test('that are rejected at the socket: FAIL and one line, and nothing changes', async () => {
      await using net = await Topology.create();
      await using lb = await startFlowLb(net, { flowAddress: FLOW_ADDRESS });
      const target = await tableOf(net, lb, 'table', net.target(1));
      await lb.run('flow-set', '--name=a', `--target=${target}`, '--dports=80', '--protocols=tcp');
      const before = await lb.run('flow-list');
      const requests = [
        ...refused.map(({ flow }) => request('set', { name: 'a', target, ...flow })),
        ...BAD_FIELDS.map((fields) => request('set', { name: 'a', target, ...fields })),
        ...BAD_NAMES.map((name) => request('set', { name, target })),
        // A newline ends the name and starts a field.
        request('set', { name: 'b\nrest', target }),
        request('set', { name: 'b' }),
        request('set', { target }),
        request('delete', {}),
        request('list', { name: 'none' }),
        request('explode', {}),
        'name:a\neoc:\n',
        '\neoc:\n',
        'eoc:\n',
      ];
      const replies = await repliesOfFlowLb(net.lb, requests);
      expect(replies).toHaveLength(requests.length);
      expect(requests.filter((_, i) => !/^FAIL: [^\n\r]{5,300}$/.test(replies[i]!))).toEqual([]);
      expect(await lb.run('flow-list')).toBe(before);
      // Masked, as by C nfqlb.
      const masked = request('set', { name: 'b', target, dsts: '10.1.2.3/8,::ffff:10.1.2.3/112,1000::1/64' });
      expect(await repliesOfFlowLb(net.lb, [masked])).toEqual(['OK']);
      const [, b] = JSON.parse(await lb.run('flow-list')) as ListedFlow[];
      expect(b!.dests).toEqual(['::ffff:10.0.0.0/104', '::ffff:10.1.0.0/112', '1000::/64']);
    });

    test('that are rejected at the command line: one line, exit status 1, and nothing changes', async () => {
      await using net = await Topology.create();
      await using lb = await startFlowLb(net);
      const table = await tableOf(net, lb, 'table', net.target(1));
      const set = (name: string, ...more: readonly string[]): Promise<string> =>
        refusal(lb, 'flow-set', `--name=${name}`, `--target=${table}`, ...more);
      expect(await refusal(lb, 'flow-set', '--name=a', '--target=nfqlb-none')).toContain(
        'nfqlb flow-set: shared memory nfqlb-none: no such table',
      );
      for (const name of ['a#b', 'a"b', "a'b", 'a\nb', '\u001b[2J', 'ä', 'x'.repeat(1001)]) {
        const [line, ...rest] = (await set(name)).split('nfqlb flow-set: ')[1]!.trimEnd().split('\n');
        expect([line, rest]).toEqual([expect.stringMatching(/name ".*must be 1 to 1000 of the characters/), []]);
      }
      expect(await set('a', '--dports=0')).toContain('dports "0": must be');
      expect(await set('a', '--udpencap=9899')).toContain('udpencap 9899: only allowed with protocols sctp');
      expect(await refusal(lb, 'flow-list', '--name=none')).toContain('nfqlb flow-list: name "none": no such flow');
      for (const command of ['flow-delete', 'flow-list']) expect(await refusal(lb, command, '--name=a\nb')).toContain('must be one line');
      expect(await lb.run('flow-list-names')).toBe('[]\n');
      const second = net.lb.run([...NFQLB.command, 'flowlb', '--queue=9']).then(
        () => 'none',
        (error: Error) => error.message,
      );
      expect(await second).toContain('nfqlb flowlb: unix:nfqlb: another program listens on it (EADDRINUSE)');
      await lb.stop();
      expect(await refusal(lb, 'flow-list')).toContain(
        'nfqlb flow-list: unix:nfqlb: nobody listens there in this network namespace; start nfqlb flowlb',
      );
    });

    test('are accepted, and packets balanced, whatever other clients do', async () => {
      await using net = await Topology.create();
      await using lb = await startFlowLb(net, { flowAddress: FLOW_ADDRESS, options: ['--qlength=16384'] });
      const target = await tableOf(net, lb, 'table', net.target(1));
      await lb.run('flow-set', '--name=a', `--target=${target}`);
      await using receiver = await Receiver.start(net, { period: 200 });
      await using sender = await Sender.start(net, { rate: 10_000 });
      await using bad = await net.lb.spawn([process.execPath, '-e', MISBEHAVING, FLOW_ADDRESS.split(':').at(-1)!]);
      await bad.waitForOutput(/ready/);
      const sets = Array.from({ length: 50 }, (_, i) => request('set', { name: `b${i}`, target, protocols: 'tcp' }));
      expect(new Set(await repliesOfFlowLb(net.lb, sets))).toEqual(new Set(['OK']));
      expect(JSON.parse(await lb.run('flow-list-names'))).toHaveLength(51);
      const sent = await sender.stop();
      expect(lost(await receiver.finish(), sent)).toBe(0);
      expect(bad.ended).toBe(false);
    });

    test('are not accepted on all addresses of the machine unless requested', async () => {
      await using net = await Topology.create();
      for (const address of ['tcp:0.0.0.0:4711', 'tcp:[::]:4711']) {
        await expect(startFlowLb(net, { flowAddress: address })).rejects.toThrow(
          `${address}: anybody who reaches this machine could change flows`,
        );
      }
      await using lb = await startFlowLb(net, { flowAddress: 'tcp:0.0.0.0:4711', options: ['--insecure-listen'] });
      await expect.poll(() => lb.process.stderr).toContain('flow commands at tcp:0.0.0.0:4711');
      expect(await repliesOfFlowLb(net.lb, [request('list-names', {})])).toEqual(['[]']);
    });

    test('may have long lists: 5,000 CIDRs and 2,000 ports, set and listed', async () => {
      await using net = await Topology.create();
      await using lb = await startFlowLb(net, { flowAddress: FLOW_ADDRESS });
      const target = await tableOf(net, lb, 'table', net.target(1));
      const cidrs = [...Array.from({ length: 4999 }, (_, i) => `10.77.${i >> 8}.${i & 255}/32`), `${net.vip4}/32`].join();
      const ports = Array.from({ length: 2000 }, (_, i) => String(4001 + 2 * i)).join();
      await lb.run('flow-set', '--name=a', `--target=${target}`, '--protocols=udp', `--dsts=${cidrs}`, `--dports=${ports}`);
      expect(await repliesOfFlowLb(net.lb, [request('set', { name: 'b', target, protocols: 'udp', dsts: cidrs, dports: ports })])).toEqual([
        'OK',
      ]);
      const [a, b] = JSON.parse(await lb.run('flow-list')) as ListedFlow[];
      expect(a!.dests!.map((cidr) => cidr.replace('::ffff:', '').replace('/128', '/32')).join()).toBe(cidrs);
      expect(a!.dports!.join()).toBe(ports);
      expect({ ...b, name: 'a' }).toEqual(a);
      await EchoServers.start(net, 7999);
      await EchoServers.start(net, 7998);
      expect(answering(await ask(net, { protocol: 'udp', port: 7999 }))).toEqual([1]);
      expect(answering(await ask(net, { protocol: 'udp', port: 7998, timeout: 300 }))).toEqual([]);
    });
  },
  NFQLB,
);
