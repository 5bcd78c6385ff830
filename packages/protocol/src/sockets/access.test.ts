import { createServer, type Server, type Socket } from 'node:net';
import type { PeerCredentials } from '@nfqlb/native';
import { afterEach, describe, expect, test } from 'vitest';
import { Access, type AccessOptions, groupNumber, isRefusal, readersOf, refusal } from './access.js';
import { connect } from './connect.js';
import { listen } from './listen.js';
import type { SocketAddress } from './socket-address.js';

const NAME = `nfqlb-test-access-${process.pid}`;

const peer = (uid: number, gid = 1000, groups: readonly number[] = []): PeerCredentials => ({ pid: 1, uid, gid, groups });

describe('rights', () => {
  test.each<[string, PeerCredentials, AccessOptions, 'full' | 'read' | 'none']>([
    ['root', peer(0), {}, 'full'],
    ['the load balancer’s own user', peer(process.geteuid!()), {}, 'full'],
    ['another user', peer(65534), {}, 'none'],
    ['another user of root’s group', peer(65534, 0, [0]), {}, 'none'],
    ['another user in the group', peer(65534, 7), { group: 7 }, 'full'],
    ['another user in the group and others', peer(65534, 1, [5, 7]), { group: 7 }, 'full'],
    ['a user whose ID equals that of the group', peer(7, 1, [2]), { group: 7 }, 'none'],
    ['a reader', peer(65534, 1, [8]), { group: 7, readers: 8 }, 'read'],
    ['a reader who is also in the group', peer(65534, 7, [8]), { group: 7, readers: 8 }, 'full'],
    ['everybody, if all may read', peer(65534), { readers: 'all' }, 'read'],
    ['a group with ID 0', peer(65534, 0), { group: 0 }, 'full'],
  ])('of %s', (_, credentials, options, expected) => {
    const { own, full, read, isKnown } = new Access(options).rights(credentials);
    expect([full, read, isKnown]).toEqual([expected === 'full', expected !== 'none', true]);
    // No group may take the load balancer's place.
    expect(own).toBe([0, process.geteuid!()].includes(credentials.uid));
  });

  test('a refusal is one line, and recognized by its prefix', () => {
    const text = refusal(new Access().rights(peer(4711)), 'change flows');
    expect(text).toBe(
      "not permitted: user uid 4711 may not change flows: run it as root or as the load balancer's user, or see its options --group and --read-group",
    );
    expect([isRefusal(text), isRefusal('flow not permitted: x')]).toEqual([true, false]);
  });
});

describe('connections', () => {
  let server: Server | undefined;
  afterEach(() => server?.close());

  async function accepted(address: SocketAddress, use: (socket: Socket) => unknown): Promise<unknown> {
    const result = new Promise<unknown>((resolve) => {
      server = createServer((socket) => {
        resolve(use(socket));
        socket.destroy();
      });
    });
    await listen(server!, address, { danger: '' });
    const { port } = (server!.address() ?? {}) as { port?: number };
    const socket = await connect(address.kind === 'tcp' ? { ...address, port: port! } : address);
    socket.on('error', () => {}).resume();
    return result;
  }

  test('over a unix socket have the user’s rights', async () => {
    const rights = await accepted({ kind: 'unix', name: NAME }, (socket) => new Access().rightsOf(socket));
    expect(rights).toMatchObject({ full: true, read: true, isKnown: true });
  });

  test('that are closed already have none', async () => {
    const rights = await accepted({ kind: 'unix', name: NAME }, (socket) => {
      socket.destroy();
      return new Access({ readers: 'all' }).rightsOf(socket);
    });
    expect(rights).toMatchObject({ full: false, read: false });
  });

  test.each(['127.0.0.1', '::1'])('over TCP are unknown: %s', async (host) => {
    const rights = await accepted({ kind: 'tcp', host, port: 0 }, (socket) => new Access().rightsOf(socket));
    expect(rights).toMatchObject({ full: true, read: true, isKnown: false });
  });
});

describe('groups', () => {
  test('by name or number', () => {
    expect([groupNumber('root'), groupNumber('4711'), groupNumber('0')]).toEqual([0, 4711, 0]);
    expect([readersOf('all'), readersOf('root')]).toEqual(['all', 0]);
  });

  test.each(['', 'nfqlb-no-such-group', '-1', '4294967295', '99999999999', 'all'])('%j is not a group', (text) => {
    expect(() => groupNumber(text)).toThrow('no such group in /etc/group: must be a name from there, or a number (getent group)');
  });
});
