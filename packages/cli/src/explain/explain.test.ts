// `nfqlb explain` as a user runs it, with tables in shared memory and the load balancer's flow server.

import { execFile, execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { packet } from '@nfqlb/core/packet-builder';
import { fragments } from '@nfqlb/core/testing';
import { FlowControl } from '@nfqlb/daemon/flows';
import { SharedMemory } from '@nfqlb/native';
import { parseRequest, serveFlows } from '@nfqlb/protocol/flow';
import { parseSocketAddress } from '@nfqlb/protocol/sockets';
import { replaceTable } from '@nfqlb/protocol/tables';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const root = new URL('../../', import.meta.url).pathname;
const NAME = `nfqlb-test-explain-${process.pid}`;
const [WEB, REST, LB] = ['web', 'rest', 'tier'].map((name) => `${NAME}-${name}`) as [string, string, string];
const NOBODY = 65_534;
let folder: string;
let server: Server | undefined;

beforeAll(() => {
  folder = mkdtempSync(join(root, 'build-'));
  execFileSync(process.execPath, ['../../scripts/bundle.mjs', 'src/nfqlb.ts', `--outdir=${folder}`], { cwd: root });
});
afterAll(() => rmSync(folder, { recursive: true }));

beforeEach(() => {
  // Permutations of C nfqlb, with known tables.
  replaceTable(WEB, { M: 997, N: 32, permutation: 'nfqlb' }, (table) => table.activate([101, 102, 103, 104].map((fwmark) => ({ fwmark }))));
  replaceTable(REST, { M: 97, N: 4 }, (table) => table.activate([{ fwmark: 201, weight: 3 }, { fwmark: 202 }]));
});
afterEach(() => {
  server?.close();
  server = undefined;
  for (const shm of [WEB, REST, LB]) SharedMemory.unlink(shm);
});

interface Ran {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

function nfqlb(...args: string[]): Promise<Ran> {
  const env = { ...process.env, NFQLB_FLOW_ADDRESS: `unix:${NAME}` };
  return new Promise((resolve) => {
    execFile(process.execPath, [join(folder, 'nfqlb.js'), ...args], { env }, (error, stdout, stderr) =>
      resolve({ status: error ? Number(error.code) : 0, stdout, stderr }),
    );
  });
}

/** Serves these flows as `flowlb` does. */
async function flows(...definitions: string[]): Promise<void> {
  const control = new FlowControl({ workers: 0, promiscuousPing: false, announce: () => {} });
  server = await serveFlows(parseSocketAddress(`unix:${NAME}`), control.handle);
  for (const definition of definitions) {
    await control.handle(parseRequest(`action:set\n${definition.replaceAll(' ', '\n')}\neoc:\n`));
  }
}

const TCP = ['--src=10.0.0.2', '--dst=10.0.0.1', '--proto=tcp', '--sport=4714', '--dport=80'];
const inTable = [`--tshm=${WEB}`];
const v4 = packet().ipv4('10.0.0.2', '10.0.0.1');
const back = packet().ipv4('10.0.0.1', '10.0.0.2');
const given = (bytes: Uint8Array): string => `--packet=${Buffer.from(bytes).toString('hex')}`;

/** What happens before and after the decision is tested live. */
const decisionOnly = (args: readonly string[]): string[] =>
  args.some((arg) => arg.startsWith('--tshm')) ? [...args] : ['--decision-only', ...args];

async function text(...args: string[]): Promise<string> {
  const { status, stdout, stderr } = await nfqlb('explain', ...decisionOnly(args));
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
  return stdout.replaceAll(NAME, 'X');
}

async function json(...args: string[]): Promise<Record<string, unknown>[]> {
  const lines = (await text('--json', ...args)).trimEnd().split('\n');
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

describe('with a table', () => {
  test('text shows the steps to the answer', async () => {
    // djb2 over the 40 octets, and C nfqlb's table.
    expect(await text(...inTable, ...TCP)).toBe(
      [
        'by       table X-web',
        'packet   tcp 10.0.0.2:4714 -> 10.0.0.1:80 kind=normal len=40',
        'key      00000000 00000000 0000ffff 0a000002 00000000 00000000 0000ffff 0a000001 00000600 126a0050',
        'table    X-web: M=997, N=32, targets 101 102 103 104',
        'hash     0x34f9242a, over the key; mod 997 = bucket 205',
        'fwmark   102, which has 24.97% of the buckets',
        'answer   balanced: table X-web, hash 0x34f9242a mod 997 = bucket 205 -> fwmark 102',
        '',
      ].join('\n'),
    );
  });

  test('JSON has the record of sim, and more', async () => {
    const [record] = await json(...inTable, ...TCP);
    expect(record).toEqual({
      verdict: 'accept',
      fwmark: 102,
      reason: 'balanced',
      kind: 'normal',
      src: '10.0.0.2',
      dst: '10.0.0.1',
      proto: 6,
      sport: 4714,
      dport: 80,
      hash: 0x34f9242a,
      bucket: 205,
      key: '00000000000000000000ffff0a00000200000000000000000000ffff0a00000100000600126a0050',
      table: 'X-web',
      M: 997,
      N: 32,
      targets: [101, 102, 103, 104],
      share: 249 / 997,
      weight: 1,
      explanation: 'balanced: table X-web, hash 0x34f9242a mod 997 = bucket 205 -> fwmark 102',
      about: 'table X-web',
    });
  });

  test('--what-if shows the answer after other commands, and the changes', async () => {
    const out = await text(...inTable, ...TCP, '--what-if=deactivate 102');
    expect(out).toContain('fwmark   102, which has 24.97% of the buckets\n');
    expect(out).toMatch(
      /\nwhat if {2}deactivate 102\ntable {4}X-web: .*targets 101 103 104\nfwmark {3}104, which has 33\.30% of the buckets\nanswer /,
    );
    expect(out).toMatch(/\nchange {3}fwmark 102 -> 104; of the 997 buckets of table X-web 255 \(25\.58%\) lead elsewhere\n$/);
    // The real tables behave the same.
    const [record] = (await json(...inTable, ...TCP, '--what-if=deactivate 102', '--what-if=activate 105 --index=1')) as [
      { fwmark: number; whatIf: Record<string, unknown> },
    ];
    await nfqlb('deactivate', `--shm=${WEB}`, '102');
    await nfqlb('activate', `--shm=${WEB}`, '--index=1', '105');
    const [after] = await json(...inTable, ...TCP);
    const { about, ...rest } = after!;
    expect(record.whatIf).toMatchObject({ ...rest, commands: ['deactivate 102', 'activate 105 --index=1'] });
    expect(record.whatIf).toMatchObject({ fwmark: 105, changed: ['fwmark'], moved: [{ table: 'X-web', buckets: 249, of: 997 }] });
  });

  test('--what-if does not change the table', async () => {
    const before = (await nfqlb('show', '--json', `--shm=${WEB}`)).stdout;
    await text(...inTable, ...TCP, '--what-if=deactivate 102', '--what-if=init --M=97');
    expect((await nfqlb('show', '--json', `--shm=${WEB}`)).stdout).toBe(before);
  });

  test('--what-if tells if nothing changes for the packet', async () => {
    const out = await text(...inTable, ...TCP, `--what-if=activate --shm=${REST} 203`);
    expect(out).toMatch(/change {3}none for this packet; of the 97 buckets of table X-rest \d+ /);
  });

  test('without targets it is dropped, or gets notargets_fwmark', async () => {
    const none = ['--what-if=deactivate 101 102 103 104', ...inTable, ...TCP];
    expect(await text(...none)).toContain(
      'answer   dropped: no target: table X-web, hash 0x34f9242a mod 997 = bucket 205, which has none\n',
    );
    expect(await text(...none, '--notargets_fwmark=9')).toContain(
      'bucket 205, which has none -> fwmark 9, that of notargets_fwmark\nchange   fwmark 102 -> 9, reason balanced -> no-target;',
    );
    expect(await text('--what-if=init', ...inTable, ...TCP)).toContain(
      'fwmark 102 -> none, reason balanced -> no-target; of the 997 buckets of table X-web 997 (100.00%) lead elsewhere',
    );
  });

  test('an ICMP error goes where its connection goes', async () => {
    const [connection] = await json(...inTable, ...TCP);
    const error = packet().ipv4('192.168.1.1', '10.0.0.1').icmpError(3, 4, back.tcp(80, 4714).build()).build();
    const [record] = await json(...inTable, given(error));
    const same = ['fwmark', 'hash', 'bucket', 'src', 'dst', 'proto', 'sport', 'dport'];
    expect(record!.kind).toBe('icmp-inner');
    for (const field of same) expect(record![field]).toBe(connection![field]);
    const out = await text(...inTable, given(error));
    expect(out).toContain(
      'packet   icmp error from 192.168.1.1, destination unreachable: fragmentation needed mtu=0, about tcp 10.0.0.2:4714 -> 10.0.0.1:80',
    );
    expect(out).toContain(
      'note     an ICMP error goes where the connection goes that it is about: its key is that of the quoted packet, source and destination swapped\n',
    );
  });

  test('later fragments follow the first; those before it are stored or dropped', async () => {
    const train = fragments(v4.udp(4711, 5001).payload(3000).build(), 1500);
    const [whole] = await json(...inTable, '--src=10.0.0.2', '--dst=10.0.0.1', '--proto=udp', '--sport=4711', '--dport=5001');
    const inOrder = await json(...inTable, ...train.map(given));
    expect(inOrder.map(({ kind, reason, fwmark }) => [kind, reason, fwmark])).toEqual([
      ['first-fragment', 'balanced', whole!.fwmark],
      ['fragment', 'fragment-known', whole!.fwmark],
      ['fragment', 'fragment-known', whole!.fwmark],
    ]);
    const later = given(train[1]!);
    expect((await json(...inTable, later))[0]).toMatchObject({ verdict: 'drop', reason: 'fragment-no-room', fwmark: null });
    expect((await json(...inTable, later, '--tun=tun0'))[0]).toMatchObject({ verdict: 'store', reason: 'fragment-stored' });
    expect((await json(...inTable, later, '--tun=tun0', '--mtu=576'))[0]).toMatchObject({ verdict: 'drop', reason: 'fragment-too-long' });
    expect(await text(...inTable, later)).toContain('note     a later fragment goes where its first went.');
    expect(await text(...inTable, given(train[0]!))).toContain('note     a first fragment: the later ones of its datagram follow it\n');
  });

  test('in a tier, addresses choose the load balancer for fragments', async () => {
    replaceTable(LB, { M: 97, N: 4, ownFwmark: 301 }, (table) => table.activate([{ fwmark: 302 }]));
    const [first] = fragments(v4.udp(4711, 5001).payload(3000).build(), 1500);
    expect((await json(...inTable, `--lbshm=${LB}`, given(first!)))[0]).toMatchObject({ fwmark: 302, reason: 'fragment-to-tier' });
    expect((await json(...inTable, `--lbshm=${LB}`, given(v4.udp(1, 2).build())))[0]).toMatchObject({ reason: 'balanced' });
  });

  test('SCTP is hashed over its ports, unless hash_mode is 0; also in UDP with sctp_encap', async () => {
    const sctp = ['--proto=sctp', '--sport=6000', '--dport=6001', '--dst=10.0.0.1'];
    const paths = await Promise.all(['10.0.0.2', '10.9.9.9'].map(async (src) => (await json(...inTable, ...sctp, `--src=${src}`))[0]!));
    expect(paths[0]!.hash).toBe(paths[1]!.hash);
    const whole = await Promise.all(
      ['10.0.0.2', '10.9.9.9'].map(async (src) => (await json(...inTable, '--hash_mode=0', ...sctp, `--src=${src}`))[0]!),
    );
    expect(whole[0]!.hash).not.toBe(whole[1]!.hash);
    const inUdp = given(v4.udp(1, 9899).payload(packet().sctp(6000, 6001).build()).build());
    expect((await json(...inTable, inUdp, '--sctp_encap=9899'))[0]).toMatchObject({
      kind: 'udp-encap',
      proto: 132,
      sport: 6000,
      hash: paths[0]!.hash,
    });
    expect((await json(...inTable, inUdp))[0]).toMatchObject({ kind: 'normal', proto: 17, sport: 1, dport: 9899 });
  });

  test('a malformed packet is dropped, which is an answer', async () => {
    const out = await text(...inTable, given(v4.tcp(1, 2).build().fill(0x2f, 0, 0).with(0, 0x4f)));
    expect(out).toBe(
      'by       table X-web\npacket   kind=malformed len=40\nanswer   dropped: malformed: its headers end early or contradict each other\n',
    );
  });
});

describe('with flows', () => {
  const FLOWS = [
    `name:web target:${WEB} priority:10 protocols:tcp dports:80,443 dsts:10.0.0.1/32,1000::1/128`,
    `name:syn target:${REST} priority:20 match:tcp[13:1]&0x02=2`,
    `name:rest target:${REST} srcs:0.0.0.0/0,::/0`,
  ];

  test('the first match, and the answer without it', async () => {
    await flows(...FLOWS);
    const out = await text(...TCP);
    expect(out).toContain('by       the 3 flows of the load balancer at unix:X\n');
    expect(out).toMatch(
      /\nflow {5}web, priority 10: the first that matches, number 2 of 3 in the order in which they win; without it rest, priority 0 -> fwmark 20[12]\n/,
    );
    expect(out).toContain('answer   balanced: flow web, table X-web, hash 0x34f9242a mod 997 = bucket 205 -> fwmark 102\n');
    const [record] = await json(...TCP);
    expect(record).toMatchObject({
      fwmark: 102,
      flow: 'web',
      priority: 10,
      place: 2,
      table: 'X-web',
      next: { flow: 'rest', table: 'X-rest' },
    });
    const [ping] = await json('--src=1000::2', '--dst=1000::1', '--proto=icmp');
    expect(ping).toMatchObject({ flow: 'syn', kind: 'icmp' });
    const [syn] = await json(given(v4.tcp(4714, 80, { flags: 2 }).build()));
    expect(syn).toMatchObject({ flow: 'syn', table: 'X-rest', next: { flow: 'web', fwmark: 102 } });
  });

  test('no flow follows the last', async () => {
    await flows(FLOWS[0]!);
    const out = await text(...TCP);
    expect(out).toContain('by       the 1 flow of the load balancer');
    expect(out).toContain('number 1 of 1 in the order in which they win; no other matches\n');
    expect((await json(...TCP))[0]).toMatchObject({ next: { reason: 'no-flow' } });
    const other = TCP.with(4, '--dport=81');
    expect(await text(...other)).toContain('answer   dropped: no flow matches\n');
    expect(await text(...other, '--nolb_fwmark=77')).toContain('no flow matches -> fwmark 77, that of nolb_fwmark\n');
  });

  test('--what-if with other flows', async () => {
    await flows(...FLOWS);
    expect(await text(...TCP, '--what-if=flow-delete --name=web')).toMatch(
      /\nchange {3}fwmark 102 -> 20[12], flow web -> rest, table X-web -> X-rest\n$/,
    );
    const [record] = await json(
      ...TCP,
      `--what-if=flow-set --name=new --target=${REST} --prio=30 --match="tcp[2:2] = 80"`,
      `--what-if=deactivate --shm=${REST} 201`,
    );
    expect(record).toMatchObject({
      flow: 'web',
      whatIf: { flow: 'new', fwmark: 202, changed: expect.arrayContaining(['fwmark', 'flow', 'table', 'priority']) },
    });
    // Without --shm, it is the packet's table.
    expect((await json(...TCP, '--what-if=deactivate 102'))[0]).toMatchObject({
      whatIf: { table: 'X-web', flow: 'web', targets: [101, 103, 104] },
    });
  });

  test('SCTP in UDP matches its flow; pings do with promiscuous_ping', async () => {
    await flows(`name:sig target:${WEB} priority:1 protocols:sctp dports:6001 udpencap:9899`, `name:rest target:${REST} protocols:udp,tcp`);
    const inUdp = given(v4.udp(1, 9899).payload(packet().sctp(6000, 6001).build()).build());
    expect((await json(inUdp))[0]).toMatchObject({ kind: 'udp-encap', flow: 'sig', next: { flow: 'rest', kind: 'normal', proto: 17 } });
    const ping = ['--src=10.0.0.2', '--dst=10.0.0.1', '--proto=icmp'];
    expect((await json(...ping))[0]).toMatchObject({ reason: 'no-flow' });
    expect((await json(...ping, '--promiscuous_ping'))[0]).toMatchObject({ flow: 'sig' });
  });

  test('flows as listed by C nfqlb give the same answers', async () => {
    const listed = [
      {
        name: 'web',
        priority: 10,
        protocols: ['tcp'],
        dests: ['::ffff:10.0.0.1/128', '1000::1/128'],
        dports: ['80', '443-445'],
        match: ['tcp[13:1]&0x10=0x10'],
        matches_count: 0,
        user_ref: WEB,
      },
      { name: '#sig', priority: 5, protocols: ['udp'], dports: ['9899'], udpencap: 9899, matches_count: 0, user_ref: 'NULL' },
      { name: 'sig', priority: 5, protocols: ['sctp'], udpencap: 9899, matches_count: 0, user_ref: REST },
    ];
    server = await serveFlows(parseSocketAddress(`unix:${NAME}`), () => Buffer.from(JSON.stringify(listed)));
    expect(await text(...TCP)).toContain('answer   balanced: flow web, table X-web, hash 0x34f9242a mod 997 = bucket 205 -> fwmark 102\n');
    const inUdp = given(v4.udp(1, 9899).payload(packet().sctp(6000, 6001).build()).build());
    expect((await json(inUdp))[0]).toMatchObject({ flow: 'sig', kind: 'udp-encap', table: 'X-rest' });
  });

  test('without its table, a flow has no targets', async () => {
    await flows(...FLOWS);
    SharedMemory.unlink(WEB);
    expect(await text(...TCP)).toContain('answer   dropped: no target: flow web, table X-web is gone\n');
    expect(await text(...TCP, `--what-if=init --shm=${WEB}`, `--what-if=activate --shm=${WEB} 7`)).toContain(
      '-> fwmark 7\nchange   fwmark none -> 7',
    );
  });

  test('--tshm overrides flows', async () => {
    await flows(...FLOWS);
    expect(await text(`--tshm=${REST}`, ...TCP)).toContain('by       table X-rest\n');
  });
});

describe('errors take one line:', () => {
  const none = `${NAME}-none`;
  test.each<[string, string[], string]>([
    ['no packet', inTable, 'missing option --src, --dst, --proto: a packet is given by'],
    ['mixed families', [...inTable, ...TCP.with(1, '--dst=1000::1')], '--dst=1000::1: must be IPv4, as --src=10.0.0.2 is'],
    [
      'a packet given in both ways',
      [...inTable, given(v4.tcp(1, 2).build()), '--sport=7'],
      '--sport=7: cannot be given together with --packet, which says it all',
    ],
    ['an unknown protocol', [...inTable, '--proto=ipx'], '--proto=ipx: must be tcp, udp, sctp, icmp, icmp6, or a number from 0 to 255'],
    ['odd hex', [...inTable, '--packet=450'], '--packet=450: must be the octets of an IP packet'],
    [
      'an unknown command',
      [...inTable, ...TCP, '--what-if=explode'],
      '--what-if=explode: no such command; there are activate, deactivate, flow-set, flow-delete, init',
    ],
    [
      'a fwmark that is not active',
      [...inTable, ...TCP, '--what-if=deactivate 999'],
      `--what-if=deactivate 999: fwmark 999 is not active in table ${WEB}; there are 101, 102, 103, 104`,
    ],
    [
      'a slot that does not exist',
      [...inTable, ...TCP, '--what-if=activate --index=32 9'],
      '--what-if=activate --index=32 9: index 32: must be a whole number from 0 to 31',
    ],
    [
      'a flow where there are none',
      [...inTable, ...TCP, '--what-if=flow-delete --name=a'],
      `there are no flows: all packets go by table ${WEB}`,
    ],
    ['another table', [...inTable, ...TCP, `--what-if=activate --shm=${none} 9`], `there is no table ${none}`],
    ['no table', [`--tshm=${none}`, ...TCP], `shared memory ${none}: no such table`],
    ['no tier', [...inTable, `--lbshm=${none}`, ...TCP], `shared memory ${none}: no such table`],
    ['an option of flowlb', [...inTable, ...TCP, '--nolb_fwmark=7'], `--nolb_fwmark=7: is for flowlb; packets go by table ${WEB}`],
    [
      'another option of flowlb',
      [...inTable, ...TCP, '--promiscuous_ping'],
      `--promiscuous_ping: is for flowlb; packets go by table ${WEB}`,
    ],
  ])('%s', async (_, args, problem) => {
    const { status, stdout, stderr } = await nfqlb('explain', ...decisionOnly(args));
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr.trimEnd().split('\n')).toEqual([expect.stringContaining(problem)]);
  });

  test('an unknown flow, an unknown table in flow-set, an option of lb', async () => {
    await flows(`name:web target:${WEB}`);
    const problem = async (...args: string[]): Promise<string> => (await nfqlb('explain', '--decision-only', ...TCP, ...args)).stderr;
    expect(await problem('--what-if=flow-delete --name=none')).toBe(
      'nfqlb explain: --what-if=flow-delete --name=none: no such flow; there is web\n',
    );
    expect(await problem(`--what-if=flow-set --name=a --target=${none}`)).toContain(`there is no table ${none}\n`);
    expect(await problem('--what-if=flow-set --name=a#b --target=x')).toContain('name "a#b": must be 1 to 1000 of');
    expect(await problem('--sctp_encap=9899')).toContain(
      '--sctp_encap=9899: is for lb; of flows, each has its own (flow-set --udpencap)\n',
    );
  });

  test('not a table, or not readable', async () => {
    writeFileSync(`/dev/shm/${LB}`, 'something else, long enough to be a header');
    expect((await nfqlb('explain', `--tshm=${LB}`, ...TCP)).stderr).toContain(`shared memory ${LB}: not a target table`);
    if (process.getuid?.() !== 0) return;
    chmodSync(folder, 0o755);
    const asNobody = await new Promise<string>((resolve) => {
      const [program, ...args] = [process.execPath, join(folder, 'nfqlb.js'), 'explain', `--tshm=${WEB}`, ...TCP];
      execFile(program!, args, { uid: NOBODY, gid: NOBODY }, (_error, _stdout, stderr) => resolve(stderr));
    });
    expect(asNobody).toBe(`nfqlb explain: shared memory ${WEB}: permission denied: it belongs to root\n`);
  });
});
