import { execFileSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readdirSync } from 'node:fs';
import { Balancer, ETH_P_IP, ETH_P_IPV6, FwmarkLookup } from '@nfqlb/core';
import { packet } from '@nfqlb/core/testing';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { attachedPrograms, removeProgram } from './attached-programs.js';
import { describeKernel } from './testing/describe-kernel.js';
import { Site, VIP, VIP6 } from './testing/site.js';
import { tableOf } from './testing/table.js';

const PORTS = Array.from({ length: 20 }, (_, i) => 4001 + i);
const NOBODY = 65534;
const AS_USER = [
  'setpriv',
  `--reuid=${NOBODY}`,
  `--regid=${NOBODY}`,
  '--clear-groups',
  '--bounding-set=-all,+bpf,+net_admin',
  '--inh-caps=-all,+bpf,+net_admin',
  '--ambient-caps=-all,+bpf,+net_admin',
];
const ATTACHED = { name: 'in0', state: 'attached', by: 'tcx', adopted: false };

/** Packets by mark as core decides them. */
function expected(fwmarks: readonly number[], ports: readonly number[]): Record<number, number> {
  const balancer = new Balancer(new FwmarkLookup(tableOf(fwmarks)));
  const marks: Record<number, number> = {};
  for (const port of ports) {
    for (const [bytes, type] of [
      [packet().ipv4('192.168.1.2', VIP).udp(port, 5001).payload(1).build(), ETH_P_IP],
      [packet().ipv6('fd00::2', VIP6).udp(port, 5001).payload(1).build(), ETH_P_IPV6],
    ] as const) {
      const mark = balancer.decide(bytes, 0, bytes.length, type);
      marks[mark] = (marks[mark] ?? 0) + 1;
    }
  }
  return marks;
}

describeKernel(
  'the fast path of an interface',
  () => {
    let site: Site;
    beforeEach(() => {
      site = new Site();
      site.watch([101, 102, 103, 201, 202]);
    });
    afterEach(() => site.remove());

    test.each([['tcx'], ['clsact']] as const)(
      'marks packets as core decides them, before packet rules see them, and counts them (%s)',
      async (by) => {
        const program = await site.start(by === 'clsact' ? { by } : {});
        expect(program.started.interfaces).toMatchObject([{ ...ATTACHED, by }]);
        site.send(PORTS);
        const marks = expected([101, 102], PORTS);
        expect(Object.keys(marks)).toHaveLength(2);
        expect(site.marks()).toEqual(marks);
        const { targets } = await program.order({ order: 'look' });
        expect(Object.fromEntries(targets!)).toEqual(marks);
        await program.order({ order: 'close', keep: false });
        site.send(PORTS);
        expect(site.marks()).toEqual({ 0: 40 });
        expect(readdirSync(site.folder)).toEqual([]);
      },
    );

    test('adopts changes of targets and of the table’s size at once, and switches to flows', async () => {
      const program = await site.start();
      await program.order({ order: 'targets', fwmarks: [102, 103] });
      site.send(PORTS);
      expect(site.marks()).toEqual(expected([102, 103], PORTS));
      // More than there was room for.
      const after = await program.order({ order: 'resize', M: 30_011, fwmarks: [201] });
      expect(after.interfaces).toMatchObject([ATTACHED]);
      site.send(PORTS);
      expect(site.marks()).toEqual({ 201: 40 });
      await program.order({
        order: 'flows',
        flows: [
          { name: 'four', target: '202', dsts: `${VIP}/32`, protocols: 'udp', dports: '5001' },
          { name: 'none', target: 'none' },
        ],
      });
      site.send(PORTS);
      expect(site.marks()).toEqual({ 202: 20, 0: 20 });
      const { flows, targets } = await program.order({ order: 'look' });
      expect(flows).toEqual([['four', 20]]);
      expect(targets!.find(([fwmark]) => fwmark === 201)).toEqual([201, 40]);
    });

    test.each([['tcx'], ['clsact']] as const)(
      'outlives its process; the next one takes it over, and no packet passes undecided (%s)',
      async (by) => {
        const setup = by === 'clsact' ? { by } : {};
        let program = await site.start(setup);
        await program.kill();
        expect(attachedPrograms(site.folder)).toMatchObject([{ by, isManaged: false }]);
        site.send(PORTS);
        expect(site.marks()).toEqual(expected([101, 102], PORTS));

        const sending = Array.from({ length: 4 }, () => PORTS);
        for (const [i, ports] of sending.entries()) {
          program = await site.start({ ...setup, fwmarks: [201 + (i % 2)] });
          expect(program.started.interfaces).toMatchObject([{ ...ATTACHED, by, adopted: true }]);
          expect(attachedPrograms(site.folder)).toMatchObject([{ isManaged: true }]);
          site.send(ports);
          expect(site.marks()).toEqual({ [201 + (i % 2)]: 40 });
          if (i % 2 === 0) await program.kill();
          else await program.order({ order: 'close', keep: true });
        }
        for (const left of attachedPrograms(site.folder)) {
          const [pins] = readdirSync(site.folder);
          // tc works in the namespace of its process; a test's is another one.
          if (by === 'clsact') site.inLb('tc filter del dev in0 ingress');
          removeProgram(left);
          expect(existsSync(`${site.folder}/${pins}`)).toBe(false);
        }
        site.send(PORTS);
        expect(site.marks()).toEqual({ 0: 40 });
      },
    );

    test('has one load balancer at a time; another one, for other VIPs, may be beside it', async () => {
      const program = await site.start({ vips: [`${VIP}/32`] });
      const second = await site.start();
      expect(second.started.error).toEqual({
        code: 'in-use',
        message: 'in0: another running load balancer has its fast path there; see: nfqlb top',
      });
      const beside = await site.start({ folder: `${site.folder}2`, vips: [`${VIP6}/128`], fwmarks: [201] });
      expect(beside.started.interfaces).toMatchObject([ATTACHED]);
      site.send(PORTS);
      const marks = site.marks();
      expect([marks[101]! + marks[102]!, marks[201]]).toEqual([20, 20]);
      await program.kill();
      expect((await site.start({ vips: [`${VIP}/32`] })).started.interfaces).toMatchObject([{ adopted: true }]);
    });

    test('follows its interface: deleted, made again, moved to another namespace', async () => {
      const program = await site.start();
      site.inLb('ip link del in0');
      expect((await program.order({ order: 'look' })).interfaces).toMatchObject([{ name: 'in0', state: 'missing' }]);
      expect(readdirSync(site.folder)).toEqual([]);
      site.connect();
      expect((await program.order({ order: 'look' })).interfaces).toMatchObject([ATTACHED]);
      site.send(PORTS);
      expect(site.marks()).toEqual(expected([101, 102], PORTS));
      site.inLb('ip link set in0 netns 1', 'true');
      try {
        expect((await program.order({ order: 'look' })).interfaces).toMatchObject([{ name: 'in0', state: 'missing' }]);
        expect(readdirSync(site.folder)).toEqual([]);
      } finally {
        execFileSync('ip', ['link', 'del', 'in0']);
      }
    });

    test('is taken over after its interface was deleted while nobody looked', async () => {
      const program = await site.start();
      await program.kill();
      site.inLb('ip link del in0');
      site.connect();
      expect((await site.start()).started.interfaces).toMatchObject([ATTACHED]);
      site.send(PORTS);
      expect(site.marks()).toEqual(expected([101, 102], PORTS));
    });

    test('needs no more than CAP_BPF and CAP_NET_ADMIN, as an ordinary user to whom the folder belongs', async () => {
      mkdirSync(site.folder);
      chownSync(site.folder, NOBODY, NOBODY);
      for (const by of ['tcx', 'clsact'] as const) {
        const program = await site.start(by === 'clsact' ? { by } : {}, AS_USER);
        expect(program.started).toMatchObject({ interfaces: [{ ...ATTACHED, by }] });
        site.send(PORTS);
        expect(site.marks()).toEqual(expected([101, 102], PORTS));
        await program.kill();
        const next = await site.start({ fwmarks: [201] }, AS_USER);
        expect(next.started.interfaces).toMatchObject([{ adopted: true, by }]);
        site.send(PORTS);
        expect(site.marks()).toEqual({ 201: 40 });
        await next.order({ order: 'close', keep: false });
        expect(readdirSync(site.folder)).toEqual([]);
      }
    });

    test.each<[string, Parameters<Site['start']>[0], readonly string[], RegExp]>([
      [
        'an interface that does not exist',
        { interfaces: ['in0', 'in7'] },
        [],
        /^no-interface: there is no interface in7 in this network namespace; see: ip link$/,
      ],
      [
        'an interface named twice',
        { interfaces: ['in0', 'in0'] },
        [],
        /^out-of-range: in0: named twice for the fast path; once is enough$/,
      ],
      ['no interface', { interfaces: [] }, [], /^out-of-range: the fast path needs the name of at least one interface$/],
      [
        'a folder elsewhere',
        { folder: '/tmp/nfqlb-nowhere' },
        [],
        /^no-bpffs: \/tmp\/nfqlb-nowhere is not in a BPF file system; as root: mount -t bpf bpf \/sys\/fs\/bpf$/,
      ],
      [
        'a user without capabilities',
        {},
        ['setpriv', `--reuid=${NOBODY}`, '--clear-groups', '--bounding-set=-all', '--inh-caps=-all'],
        /^not-permitted: the fast path needs CAP_BPF and CAP_NET_ADMIN: run it as root, or/,
      ],
      ['a user whose folder it is not', {}, AS_USER, /^not-permitted: making .*: not permitted; run it as root/],
    ])('refuses %s in one line', async (_name, setup, as, message) => {
      const { error } = (await site.start(setup, as)).started;
      expect(`${error!.code}: ${error!.message}`).toMatch(message);
      expect(error!.message).not.toContain('\n');
      // Nothing is left claimed.
      expect((await site.start()).started.error).toBeUndefined();
    });

    test('leaves what is not its own alone', async () => {
      const program = await site.start();
      const [pins] = readdirSync(site.folder);
      await program.kill();
      execFileSync('mv', [`${site.folder}/${pins}/link`, `${site.folder}/${pins}/other`]);
      mkdirSync(`${site.folder}/${pins}/link`);
      const { error } = (await site.start()).started;
      expect(error).toMatchObject({ code: expect.stringMatching(/foreign|failed|not-permitted/) });
      expect(existsSync(`${site.folder}/${pins}/link`)).toBe(true);
    });
  },
  { nsenter: 'util-linux', setpriv: 'util-linux', iptables: 'iptables', ip6tables: 'iptables', mount: 'mount' },
);
