import { spawn } from 'node:child_process';
import { DROP, type PacketBatch, type PacketSource } from '@nfqlb/core';
import { type MakeSource, packet, packetSourceContract } from '@nfqlb/core/testing';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { QueueOptions } from './queue.js';
import { describeLive } from './testing/describe-live.js';
import { type Privileges, QueueNamespace, type QueueProgram } from './testing/namespace.js';
import { TestProgram } from './testing/program.js';

const OPTIONS: QueueOptions = { queue: 2, length: 1024, batch: 256, copyRange: 512, timeout: 100, linger: 0 };

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const udp = (port: number, octets = 4): Uint8Array => packet().ipv4('10.0.0.2', '10.0.0.1').udp(port, 5001).payload(octets).build();
const udps = (count: number, octets?: number): string[] => Array.from({ length: count }, (_, i) => hex(udp(1000 + i, octets)));

describeLive('a kernel queue', () => {
  let bundle: TestProgram;
  const namespaces: QueueNamespace[] = [];
  beforeAll(async () => {
    bundle = await TestProgram.make('queue-program');
  });
  afterEach(async () => {
    for (const namespace of namespaces.splice(0)) await namespace.remove();
  });
  afterAll(() => bundle.remove());

  function namespace(): QueueNamespace {
    const namespace = new QueueNamespace();
    namespaces.push(namespace);
    return namespace;
  }

  async function started(options: Partial<QueueOptions> = {}): Promise<{ at: QueueNamespace; program: QueueProgram }> {
    const at = namespace();
    const program = at.start(bundle.file);
    await program.order({ do: 'tun', name: 'tun0' });
    await program.order({ do: 'open', options: { ...OPTIONS, ...options } });
    return { at, program };
  }

  /** Receives `total` packets and accepts them with mark 1; returns how many arrived at a time. */
  async function takeAll(program: QueueProgram, total: number): Promise<number[]> {
    const counts: number[] = [];
    for (let left = total; left > 0; left -= counts.at(-1)!) {
      const { packets } = await program.order({ do: 'receive' });
      if (packets!.length === 0) throw new Error(`${left} of ${total} packets did not arrive`);
      counts.push(packets!.length);
      await program.order({ do: 'settle', marks: packets!.map(() => 1) });
    }
    return counts;
  }

  const make: MakeSource = async () => {
    const { at, program } = await started();
    return {
      source: new RemoteSource(program),
      arrive: async (packets) => {
        at.watchMarks([11, 12, 13]);
        await program.order({ do: 'send', packets: packets.map(hex) });
      },
      verdicts: async (marks) => {
        const seen = at.marks();
        const accepted = [...seen.values()].reduce((sum, count) => sum + count, 0);
        return new Map(marks.map((mark) => [mark, mark === DROP ? 60 - accepted : (seen.get(mark) ?? 0)]));
      },
      close: async () => {},
    };
  };
  test.each(packetSourceContract)('as a packet source %s', (_name, run) => run(make));

  test.each([0, 200])('returns several packets in one call, but no more than a batch (linger %i µs)', async (linger) => {
    const { program } = await started({ batch: 8, linger });
    await program.order({ do: 'send', packets: udps(20) });
    expect(await takeAll(program, 20)).toEqual([8, 8, 4]);
  });

  test('does not linger for a packet that comes alone', async () => {
    const LINGER_MS = 50;
    const { program } = await started({ linger: LINGER_MS * 1000, timeout: 5000 });
    const waits: number[] = [];
    for (let i = 0; i < 5; i++) {
      await program.order({ do: 'send-later', packet: udps(1)[0]!, after: 200, every: 0, times: 1 });
      const { packets, milliseconds } = await program.order({ do: 'receive' });
      expect(packets).toHaveLength(1);
      await program.order({ do: 'settle', marks: [1] });
      waits.push(milliseconds!);
    }
    // Other programs may hold up any, but hardly all.
    expect(Math.min(...waits)).toBeLessThan(200 + LINGER_MS);
  });

  test('lingers while packets keep coming, so that a call receives several', async () => {
    const PACKETS = 120;
    const { program } = await started({ linger: 10_000, timeout: 5000 });
    await program.order({ do: 'send-later', packet: udps(1)[0]!, after: 50, every: 1, times: PACKETS });
    // The first calls come before it is known how fast packets come.
    expect((await takeAll(program, PACKETS)).length).toBeLessThan(PACKETS / 3);
  });

  test('asks for packets before it waits for them, with busyPoll', async () => {
    const { at, program } = await started({ busyPoll: 100_000, timeout: 1 });
    await program.order({ do: 'send-later', packet: udps(1)[0]!, after: 50, every: 0, times: 1 });
    // Waiting alone would end after 1 ms.
    expect((await program.order({ do: 'receive' })).packets).toHaveLength(1);
    at.watchMarks([1]);
    await program.order({ do: 'settle', marks: [1] });
    expect(at.marks().get(1)).toBe(1);
  });

  test('returns the requested octets of a packet, and accepts the whole packet', async () => {
    const { at, program } = await started({ copyRange: 64 });
    at.watchMarks([1]);
    const bytes = udp(1000, 1400);
    await program.order({ do: 'send', packets: [hex(bytes)] });
    expect((await program.order({ do: 'receive' })).packets).toMatchObject([{ octets: hex(bytes.subarray(0, 64)) }]);
    await program.order({ do: 'settle', marks: [1] });
    const [, octets] = /^\[1:(\d+)\] -A INPUT/m.exec(at.shell('iptables-save -c -t mangle'))!;
    expect(Number(octets)).toBe(bytes.length);
  });

  test('accepts only packets with a mark of 0 or more', async () => {
    const { at, program } = await started();
    at.shell('iptables -w -t mangle -A INPUT -p udp', 'iptables -w -t mangle -A INPUT -p udp -m mark --mark 0');
    at.watchMarks([0x7fffffff]);
    await program.order({ do: 'send', packets: udps(5) });
    expect((await program.order({ do: 'receive' })).packets).toHaveLength(5);
    await program.order({ do: 'settle', marks: [-1, 0, -2, 0x7fffffff, -0x80000000] });
    expect([...at.shell('iptables-save -c -t mangle').matchAll(/^\[(\d+):.* -A INPUT /gm)].map(([, count]) => Number(count))).toEqual([
      2, 1, 1,
    ]);
  });

  test('returns packets unchanged, whatever they contain', async () => {
    const { at, program } = await started();
    at.shell('iptables -w -t mangle -A PREROUTING -d 10.0.0.1 -j NFQUEUE --queue-num 2');
    const ip = () => packet().ipv4('10.0.0.2', '10.0.0.1');
    const packets = [
      // TCP with a truncated header, a fragment, an unknown protocol, no payload at all.
      ip().protocol(6).payload(7).build(),
      ip().fragment({ id: 7, offset: 1480, more: false }).protocol(17).payload(8).build(),
      ip().protocol(253).payload(8980).build(),
      ip().protocol(6).build(),
    ];
    await program.order({ do: 'send', packets: packets.map(hex) });
    const { packets: received, malformed } = await program.order({ do: 'receive' });
    expect(received!.map(({ octets }) => octets)).toEqual(packets.map((bytes) => hex(bytes.subarray(0, 512))));
    expect(malformed).toBe(0);
  });

  test('returns what TCP sends at once as one packet, without segmenting it', async () => {
    const { at, program } = await started({ timeout: 1000 });
    at.shell('ip link set lo mtu 1500');
    at.shell('iptables -w -t mangle -A OUTPUT -o lo -p tcp --dport 5002 -j NFQUEUE --queue-num 2');
    const code = `
      const net = require('node:net');
      net.createServer((socket) => socket.resume()).listen(5002, '127.0.0.1', () =>
        net.connect(5002, '127.0.0.1').end(Buffer.alloc(400_000)));`;
    const tcp = spawn('ip', ['netns', 'exec', at.name, process.execPath, '-e', code], { stdio: 'inherit' });
    try {
      let longest = 0;
      for (const deadline = Date.now() + 5000; longest <= 1500 && Date.now() < deadline; ) {
        const { packets } = await program.order({ do: 'receive' });
        await program.order({ do: 'settle', marks: packets!.map(() => 1) });
        for (const { octets } of packets!) {
          expect(octets.length).toBeLessThanOrEqual(2 * 512);
          longest = Math.max(longest, Number.parseInt(octets.slice(4, 8), 16));
        }
      }
      expect(longest).toBeGreaterThan(1500);
    } finally {
      tcp.kill('SIGKILL');
    }
  });

  test('holds as many packets as configured, long ones too, and the kernel drops the rest', async () => {
    const { at, program } = await started({ copyRange: 9000 });
    await program.order({ do: 'send', packets: udps(1024 + 16, 8000) });
    expect(at.kernelQueue()).toEqual({ waiting: 1024, queueDropped: 16, socketDropped: 0 });
    await takeAll(program, 1024);
    expect(at.kernelQueue()).toMatchObject({ waiting: 0 });
  });

  test('waits until its timeout, and can be woken from another thread', async () => {
    // Longer than this test may take.
    const { program } = await started({ timeout: 600_000 });
    await program.order({ do: 'wake-in', milliseconds: 100 });
    const woken = await program.order({ do: 'receive' });
    expect(woken.packets).toEqual([]);
    const { program: other } = await started({ timeout: 60 });
    await other.order({ do: 'wake-in', milliseconds: 0 });
    await other.order({ do: 'receive' });
    expect((await other.order({ do: 'receive' })).milliseconds).toBeGreaterThan(50);
  });

  test('records when packets were received, after the wait, and when their verdicts were sent', async () => {
    const { program } = await started({ timeout: 100 });
    const idle = (await program.order({ do: 'receive' })).clock!;
    expect(idle[1]).toBeGreaterThanOrEqual(idle[0] + 99);
    await program.order({ do: 'send', packets: udps(1) });
    for (const order of [{ do: 'receive' }, { do: 'settle', marks: [1] }] as const) {
      const [before, clock, after] = (await program.order(order)).clock!;
      expect(clock).toBeGreaterThanOrEqual(before);
      expect(clock).toBeLessThanOrEqual(after);
    }
  });

  test('counts a verdict on a packet that no longer exists, and goes on', async () => {
    const { at, program } = await started();
    await program.order({ do: 'send', packets: udps(2) });
    expect((await program.order({ do: 'receive' })).packets).toHaveLength(2);
    // The kernel drops waiting packets of a device that goes down.
    at.shell('ip link set tun0 down');
    await program.order({ do: 'settle', marks: [1, 1] });
    at.shell('ip link set tun0 up');
    await program.order({ do: 'send', packets: udps(3) });
    const answers = [await program.order({ do: 'receive' }), await program.order({ do: 'receive' })];
    expect(answers.flatMap(({ packets }) => packets!)).toHaveLength(3);
    expect(answers.at(-1)!.errors).toBe(2);
  });

  test('sends each packet’s verdict once', async () => {
    const { program } = await started();
    await program.order({ do: 'send', packets: udps(2) });
    await program.order({ do: 'receive' });
    await program.order({ do: 'settle', marks: [1, 1] });
    await program.order({ do: 'settle', marks: [1, 1] });
    expect((await program.order({ do: 'receive' })).errors).toBe(0);
  });

  const BUSY = { name: 'NativeError', code: 'EBUSY', operation: 'binding', message: 'NFQUEUE 2: another program listens on it (EBUSY)' };

  test('is busy while another program listens, until that closes it or dies', async () => {
    const { at, program } = await started();
    const other = at.start(bundle.file);
    const open = { do: 'open', options: OPTIONS } as const;
    await expect(other.order(open)).rejects.toMatchObject(BUSY);
    await program.order({ do: 'close' });
    await other.order(open);
    await expect(program.order(open)).rejects.toMatchObject(BUSY);
    other.process.kill('SIGKILL');
    await expect
      .poll(() =>
        program.order(open).then(
          () => 'open',
          (error: Error) => error.message,
        ),
      )
      .toBe('open');
  });

  test('is free again when the listening thread is terminated', async () => {
    const at = namespace();
    const program = at.start(bundle.file);
    await program.order({ do: 'open-in-thread', options: OPTIONS });
    await expect(program.order({ do: 'open', options: OPTIONS })).rejects.toMatchObject(BUSY);
    await program.order({ do: 'end-thread' });
    await program.order({ do: 'open', options: OPTIONS });
  });

  test('throws EBADF when closed', async () => {
    const { program } = await started();
    await program.order({ do: 'close' });
    await expect(program.order({ do: 'receive' })).rejects.toMatchObject({ code: 'EBADF', operation: 'receiving' });
    await expect(program.order({ do: 'settle', marks: [1] })).rejects.toMatchObject({ code: 'EBADF', operation: 'settling' });
  });

  test.each<[string, Privileges]>([
    ['another user', { uid: 65534 }],
    ['root without it', { without: 'net_admin' }],
  ])('needs CAP_NET_ADMIN: %s, also while another program listens', async (_who, privileges) => {
    const { at } = await started();
    const open = at.start(bundle.file, privileges).order({ do: 'open', options: OPTIONS });
    await expect(open).rejects.toMatchObject({ code: 'EPERM', message: 'NFQUEUE 2: needs CAP_NET_ADMIN: run it as root (EPERM)' });
  });

  test.each<[Partial<QueueOptions>, string]>([
    [{ queue: 65536 }, 'NFQUEUE 65536: queue 65536: must be a whole number from 0 to 65535'],
    [{ length: 0 }, 'NFQUEUE 2: length 0: must be a whole number from 1 to 2147483647'],
    [{ copyRange: 0 }, 'NFQUEUE 2: copyRange 0: must be a whole number from 1 to 65531'],
    [{ batch: 1.5 }, 'NFQUEUE 2: batch 1.5: must be a whole number from 1 to 4096'],
    [{ timeout: -2 }, 'NFQUEUE 2: timeout -2: must be a whole number from -1 to 2147483647'],
    [{ busyPoll: -1 }, 'NFQUEUE 2: busyPoll -1: must be a whole number from 0 to 100000'],
    [{ linger: 1e6 }, 'NFQUEUE 2: linger 1000000: must be a whole number from 0 to 100000'],
  ])('is refused with %o', async (options, message) => {
    const program = namespace().start(bundle.file);
    const open = program.order({ do: 'open', options: { ...OPTIONS, ...options } });
    await expect(open).rejects.toMatchObject({ name: 'NativeError', code: 'EINVAL', message });
  });

  test('accepts the maximum batch size, and settles it in one message', async () => {
    const { at, program } = await started({ batch: 4096, length: 4096, copyRange: 64 });
    await program.order({ do: 'send', packets: udps(4096) });
    expect(await takeAll(program, 4096)).toEqual([4096]);
    expect(at.kernelQueue()).toEqual({ waiting: 0, queueDropped: 0, socketDropped: 0 });
  });
});

/** The queue of a program in another network namespace, as a packet source in this one. */
class RemoteSource implements PacketSource {
  readonly batch: PacketBatch = {
    bytes: new Uint8Array(256 * 512),
    offset: Uint32Array.from({ length: 256 }, (_, i) => i * 512),
    length: new Uint32Array(256),
    etherType: new Uint16Array(256),
    mark: new Int32Array(256),
  };
  readonly #program: QueueProgram;
  #settled: Promise<unknown> = Promise.resolve();

  constructor(program: QueueProgram) {
    this.#program = program;
  }

  async receive(): Promise<number> {
    await this.#settled;
    const { packets } = await this.#program.order({ do: 'receive' });
    packets!.forEach(({ octets, etherType }, i) => {
      const bytes = Buffer.from(octets, 'hex');
      this.batch.bytes.set(bytes, i * 512);
      this.batch.length[i] = bytes.length;
      this.batch.etherType[i] = etherType;
    });
    return packets!.length;
  }

  settle(count: number): void {
    this.#settled = this.#program.order({ do: 'settle', marks: [...this.batch.mark.subarray(0, count)] });
  }
}
