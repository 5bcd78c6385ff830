// `--takeover` that does not come about: the load balancer that runs goes on, and one line says why. And the other way round: it dies meanwhile.

import { describe, expect, test } from 'vitest';
import type { Running } from '../processes/running.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { deliver } from '../traffic/delivery.js';
import { lost, Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { LoadBalancer } from './load-balancer.js';
import { NFQLB } from './program.js';

/** A program that asks to take over, says these lines, each after an answer, and then ends or hangs. */
const SUCCESSOR = `
import json, socket, sys, time
old = socket.socket(socket.AF_UNIX)
old.connect("\\0nfqlb-takeover-2")
for line in sys.argv[2:]:
    old.sendall(line.encode() + b"\\n")
    answer, descriptors, _, _ = socket.recv_fds(old, 65536, 253)
    print(json.loads(answer).get("word") or json.loads(answer).get("refused") or "offer", len(descriptors), flush=True)
if sys.argv[1] == "hang": time.sleep(60)`;

/** A program in the place of a load balancer: it answers this, and ends; without an answer, at once. */
const PREDECESSOR = `
import socket, sys
new = socket.socket(socket.AF_UNIX)
new.bind("\\0" + sys.argv[1])
new.listen()
print("ready", flush=True)
connection = new.accept()[0]
connection.recv(65536)
if len(sys.argv) > 2: connection.sendall(sys.argv[2].encode() + b"\\n")`;

const REQUEST = JSON.stringify({ takeover: 1, version: 'test', queues: { first: 2, last: 2 }, interfaces: [] });
const READY = JSON.stringify({ word: 'ready' });

const successor = (net: Topology, then: 'end' | 'hang', ...lines: readonly string[]): Promise<Running> =>
  net.lb.spawn(['python3', '-c', SUCCESSOR, then, ...lines]);

async function predecessor(net: Topology, name: string, ...answer: readonly string[]): Promise<Running> {
  const running = await net.lb.spawn(['python3', '-c', PREDECESSOR, name, ...answer]);
  await running.waitForOutput(/^ready$/m);
  return running;
}

/** What a load balancer with `--takeover` says last, when it fails. */
async function refused(net: Topology, command: readonly string[]): Promise<string> {
  await using running = await net.lb.spawn(command);
  expect((await running.exited).status).toBe(1);
  return running.stderr.trimEnd().split('\n').at(-1)!;
}

/** No packet is lost while `action` runs. */
async function losesNone(net: Topology, action: () => Promise<unknown>): Promise<void> {
  await using receiver = await Receiver.start(net);
  await using sender = await Sender.start(net, { rate: 1000 });
  await action();
  const sent = await sender.stop();
  expect(sent.sent).toBeGreaterThan(0);
  expect(lost(await receiver.finish(), sent)).toBe(0);
}

describeLive(
  'a takeover that does not come about',
  () => {
    describe('the new process', () => {
      test.each([
        ['ends before it is prepared', [REQUEST], ['offer 6'], 'it has ended'],
        ['ends when packets wait for it', [REQUEST, READY], ['offer 6', 'yours 0'], 'it has ended'],
        ['speaks another format', [REQUEST.replace('1', '9')], [], 'it speaks format 9 of takeovers, and this one 1: restart it'],
        ['says what is no message', ['take it'], [], 'what it says is no message of a takeover'],
        ['says the wrong word', [REQUEST, JSON.stringify({ word: 'in-charge' })], ['offer 6'], 'it said "in-charge" instead of "ready"'],
      ])('%s: the old one goes on, and loses nothing', async (_, lines, heard, reason) => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await LoadBalancer.start(net);
        await losesNone(net, async () => {
          await using fake = await successor(net, 'end', ...lines);
          await lb.process.waitForOutput(/does not take over: .*; this one goes on/);
          await fake.exited;
          expect(fake.stdout.trimEnd().split('\n').slice(0, heard.length)).toEqual(heard);
        });
        expect(lb.process.stderr).toContain(`does not take over: ${reason}; this one goes on`);
        await deliver(net, { rate: 1000, count: 200 });
        // And is taken over from later.
        await lb.takeOver();
        await deliver(net, { rate: 1000, count: 200 });
      });

      test('hangs when packets wait for it: the old one goes on after a second, and is healthy all the time', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await LoadBalancer.start(net);
        await losesNone(net, async () => {
          await using _fake = await successor(net, 'hang', REQUEST, READY);
          await lb.process.waitForOutput(/does not take over: it said nothing for 1 s; this one goes on/);
        });
        expect(lb.process.stderr).not.toContain('not healthy');
      });

      test('is the second one, has other queues, or belongs to another user: it is refused in one line', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await LoadBalancer.start(net);
        const subject = 'nfqlb lb: the load balancer of queue 2 does not hand over:';
        {
          await using first = await successor(net, 'hang', REQUEST);
          await first.waitForOutput(/^offer/m);
          expect(await refused(net, lb.startCommand('--takeover'))).toBe(`${subject} another takeover is under way`);
        }
        expect(await refused(net, lb.startCommand('--takeover', '--queue=2:3'))).toBe(
          `${subject} it has --queue=2, and the new one --queue=2:3: give the same, or restart it`,
        );
        const nobody = ['setpriv', '--reuid=65534', '--clear-groups', '--inh-caps=+net_admin', '--ambient-caps=+net_admin'];
        const flowlb = [...NFQLB.command, 'flowlb', `--ft_shm=${net.sharedMemory('other')}`, '--takeover'];
        expect(await refused(net, [...nobody, ...flowlb])).toBe(
          'nfqlb flowlb: the load balancer of queue 2 does not hand over: only root and the user that it runs as may take over',
        );
        await deliver(net, { rate: 1000, count: 200 });
      });
    });

    describe('the old process', () => {
      test.each([
        [
          'has no --takeover',
          'nfqlb-status-2',
          [],
          'the load balancer of queue 2 cannot hand over: its version has no --takeover; restart it',
        ],
        [
          'answers nonsense',
          'nfqlb-takeover-2',
          ['yes'],
          'the load balancer of queue 2 does not hand over: what it says is no message of a takeover',
        ],
        [
          'offers in another format',
          'nfqlb-takeover-2',
          ['{"takeover":9}'],
          'the load balancer of queue 2 does not hand over: its answer is no offer: it may be of another version; restart it',
        ],
      ])('%s: the new one says so in one line, and ends', async (_, name, answer, said) => {
        await using net = await Topology.create();
        await using _old = await predecessor(net, name, ...answer);
        const command = [...NFQLB.command, 'flowlb', `--ft_shm=${net.sharedMemory('other')}`, '--takeover'];
        expect(await refused(net, command)).toBe(`nfqlb flowlb: ${said}`);
      });

      test('belongs to another user: the new one takes nothing from it', async () => {
        await using net = await Topology.create();
        await using old = await net.lb.spawn([
          'python3',
          '-c',
          PREDECESSOR.replace('import socket, sys', 'import os, socket, sys; os.setuid(65534)'),
          'nfqlb-takeover-2',
        ]);
        await old.waitForOutput(/^ready$/m);
        const command = [...NFQLB.command, 'flowlb', `--ft_shm=${net.sharedMemory('other')}`, '--takeover'];
        expect(await refused(net, command)).toMatch(/it belongs to \S+ \(uid 65534\): run this as the same user$/);
      });

      test('is not there, or dies before it offers anything: the new one starts as always', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await LoadBalancer.start(net, { options: ['--takeover'] });
        expect(lb.process.stderr).toContain('no load balancer to take over from; starting');
        await lb.kill();
        await using _old = await predecessor(net, 'nfqlb-takeover-2');
        await lb.restart();
        await deliver(net, { rate: 1000, count: 200 });
      });

      test('is killed while the new one prepares: that goes on', async () => {
        await using net = await Topology.create({ targets: 2 });
        await using lb = await LoadBalancer.start(net, { options: ['--tun=nfqlb0'] });
        for (let i = 0; i < 3; i++) {
          const old = lb.process;
          await using next = await net.lb.spawn(lb.startCommand('--takeover'));
          await old.waitForOutput(/is about to take over/, 30_000);
          await old.stop('SIGKILL');
          await next.waitForOutput(/: listening on queue 2/, 30_000);
          await deliver(net, { rate: 1000, count: 200 });
          await next.stop();
          await lb.restart();
        }
      });
    });
  },
  NFQLB,
  { python3: 'python3' },
);
