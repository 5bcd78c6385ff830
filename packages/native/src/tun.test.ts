import { packet } from '@nfqlb/core/testing';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { describeLive } from './testing/describe-live.js';
import { QueueNamespace, type QueueProgram } from './testing/namespace.js';
import { TestProgram } from './testing/program.js';

describeLive('a tun device', () => {
  let bundle: TestProgram;
  let at: QueueNamespace;
  let program: QueueProgram;
  beforeAll(async () => {
    bundle = await TestProgram.make('queue-program');
  });
  beforeEach(() => {
    at = new QueueNamespace();
    program = at.start(bundle.file);
  });
  afterEach(() => at.remove());
  afterAll(() => bundle.remove());

  const open = (name: string, setUp?: number) => program.order({ do: 'tun', name, ...(setUp === undefined ? {} : { setUp }) });
  const send = (...packets: readonly Uint8Array[]) =>
    program.order({ do: 'send', packets: packets.map((bytes) => Buffer.from(bytes).toString('hex')) });

  test('that exists is opened, and its MTU and state are known', async () => {
    expect(await open('tun0')).toEqual({ mtu: 9000, created: false, isUp: true });
    at.shell('ip link set tun0 mtu 1280');
    expect(await open('tun0').catch(({ code }) => code)).toBe('EBUSY');
  });

  test('that does not exist is created, and removed when the program exits', async () => {
    expect(await open('fresh0')).toEqual({ mtu: 1500, created: true, isUp: false });
    expect(at.shell('ip -o link show')).toContain('fresh0: <POINTOPOINT,');
    program.process.kill('SIGKILL');
    await expect.poll(() => at.shell('ip -o link show')).not.toContain('fresh0');
  });

  test('is brought up with an MTU', async () => {
    expect(await open('fresh0', 9000)).toEqual({ mtu: 9000, created: true, isUp: true });
    expect(at.shell('ip -o link show dev fresh0')).toMatch(/<POINTOPOINT,.*\bUP\b.* mtu 9000 /);
    await expect(open('fresh1', 1_000_000)).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('hands packets to the kernel, whole and in order', async () => {
    await open('tun0');
    at.shell('iptables -w -t raw -A PREROUTING -i tun0 -s 10.0.0.9 -m length --length 48');
    at.shell('ip6tables -w -t raw -A PREROUTING -i tun0 -s 1000::9 -m length --length 9000');
    const ipv4 = packet().ipv4('10.0.0.9', '10.0.0.1').udp(1, 2).payload(20).build();
    const ipv6 = packet().ipv6('1000::9', '1000::1').udp(1, 2).payload(8952).build();
    expect((await send(ipv4, ipv6, ipv4)).written).toEqual([0, 0, 0]);
    expect(at.shell('iptables-save -c -t raw')).toContain('[2:96] -A PREROUTING');
    expect(at.shell('ip6tables-save -c -t raw')).toContain('[1:9000] -A PREROUTING');
  });

  test('that its thread has closed is still written to by another, and no other file is', async () => {
    await open('tun0');
    at.shell('iptables -w -t raw -A PREROUTING -i tun0 -s 10.0.0.9');
    expect(await program.order({ do: 'close-tun' })).toEqual({ isReused: true });
    expect((await send(packet().ipv4('10.0.0.9', '10.0.0.1').udp(1, 2).build())).written).toEqual([0]);
    expect(at.shell('iptables-save -c -t raw')).toContain('[1:28] -A PREROUTING');
  });

  test('returns an errno for what it cannot send, and goes on', async () => {
    await open('tun0');
    const good = packet().ipv4('10.0.0.9', '10.0.0.1').udp(1, 2).build();
    const EINVAL = 22;
    expect((await send(new Uint8Array(0), Uint8Array.of(0x99, 1, 2), good)).written).toEqual([EINVAL, EINVAL, 0]);
    at.shell('ip link set tun0 down');
    const EIO = 5;
    expect((await send(good)).written).toEqual([EIO]);
  });

  test.each([
    [
      'of another type',
      'lo',
      'EINVAL',
      'tun device lo: a device of that name is there and is no tun device, or it is no name for a device (EINVAL)',
    ],
    [
      'with a slash',
      'a/b',
      'EINVAL',
      'tun device a/b: a device of that name is there and is no tun device, or it is no name for a device (EINVAL)',
    ],
    [
      'with a long name',
      'sixteen-letters-',
      'ENAMETOOLONG',
      'tun device sixteen-letters-: a device name has 1 to 15 characters (ENAMETOOLONG)',
    ],
    ['without a name', '', 'ENAMETOOLONG', 'tun device : a device name has 1 to 15 characters (ENAMETOOLONG)'],
  ])('%s is refused', async (_which, name, code, message) => {
    await expect(open(name)).rejects.toMatchObject({ name: 'NativeError', code, message });
  });

  test('needs permission', async () => {
    program = at.start(bundle.file, { without: 'net_admin' });
    await expect(open('other0')).rejects.toMatchObject({
      code: 'EPERM',
      message: 'tun device other0: needs CAP_NET_ADMIN, or a device that belongs to this user (EPERM)',
    });
  });
});
