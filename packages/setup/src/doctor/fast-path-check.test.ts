import type { AttachedProgram } from '@nfqlb/fast-path';
import type { FastPathStatus } from '@nfqlb/protocol/status';
import { expect, test } from 'vitest';
import type { Facts } from './facts.js';
import { checkFastPath } from './fast-path-check.js';

const PROGRAM: AttachedProgram = { interface: 'eth0', by: 'tcx', isManaged: true, pins: '/sys/fs/bpf/nfqlb/net1_if2' };
const FAST: FastPathStatus = {
  ...{ vips: ['10.0.0.1/32'], memory: 0, reasons: [], unfit: [] },
  interfaces: [{ name: 'eth0', state: 'attached', by: 'tcx' }],
};
const UNMARKED = '-A PREROUTING -d 10.0.0.1/32 -m mark --mark 0x0 -j NFQUEUE --queue-num 2';
const ALL = '-A PREROUTING -d 10.0.0.1/32 -j NFQUEUE --queue-num 2';

interface Machine {
  readonly rules?: readonly string[];
  readonly programs?: readonly AttachedProgram[];
  readonly balancer?: Partial<FastPathStatus> | 'none';
  readonly hasBpfFileSystem?: boolean;
}

/** What doctor says about a machine with the fast path, unless it is otherwise in these points. */
function says({ rules = [UNMARKED], programs = [PROGRAM], balancer = {}, hasBpfFileSystem = true }: Machine): string[] {
  const status = { command: 'lb', problems: [], queues: [{ queue: 2 }], tables: [], fastPath: { ...FAST, ...(balancer as object) } };
  const facts = {
    savedRules: { 4: `*mangle\n:PREROUTING ACCEPT [0:0]\n${rules.join('\n')}\nCOMMIT\n`, 6: '' },
    ...{ legacyRules: { 4: '', 6: '' }, nftRules: '', iptablesVersion: 'iptables v1.8.9 (nf_tables)' },
    fastPath: { programs, hasBpfFileSystem },
    loadBalancers: balancer === 'none' ? [] : [{ queue: 2, status }],
  };
  return checkFastPath(facts as unknown as Facts).map(
    ({ status: severity, text, remedy }) => `${severity}: ${text}${remedy ? ` → ${remedy}` : ''}`,
  );
}

test('a machine without it needs no finding', () => {
  expect(says({ rules: [ALL], programs: [], balancer: 'none' })).toEqual([]);
});

test.each<[about: string, machine: Machine, says: readonly RegExp[]]>([
  ['all is well', {}, [/^ok: packets that come in at eth0 are decided in the kernel$/]],
  [
    'a rule for all packets',
    { rules: [ALL] },
    [/^warning: what the kernel has decided goes to the queue all the same \(.*\) → nfqlb up --fast/],
  ],
  [
    'no program',
    { programs: [], balancer: 'none' },
    [/^warning: no program decides packets in the kernel.*--mark 0x0.* → nfqlb lb --fast/],
  ],
  [
    'a dead load balancer',
    { programs: [{ ...PROGRAM, isManaged: false }], balancer: 'none' },
    [/^problem: eth0: the kernel decides by the targets that a load balancer had when it ended: .* → nfqlb lb --fast=eth0/],
  ],
  [
    'no BPF file system',
    { programs: [], balancer: { trouble: 'it is not there', interfaces: [] }, hasBpfFileSystem: false, rules: [ALL] },
    [/^warning: the load balancer of queue 2 has none: it is not there/, /^warning: \/sys\/fs\/bpf is not .* → as root: mount -t bpf/],
  ],
  [
    'an interface that has gone',
    { balancer: { interfaces: [{ name: 'eth1', state: 'missing', problem: 'there is no interface eth1' }] } },
    [/^warning: the load balancer of queue 2: there is no interface eth1/],
  ],
  ['a VIP that came later', { rules: [UNMARKED, UNMARKED.replace('0.1/32', '0.2/32')] }, [/^warning: not for 10\.0\.0\.2\/32: /]],
  [
    'a VIP inside those of the fast path',
    { balancer: { vips: ['10.0.0.0/24'] } },
    [/^problem: the kernel marks packets to 10\.0\.0\.0\/24, which no rule/],
  ],
  [
    'a rule that marks packets before',
    { rules: ['-A PREROUTING -i eth3 -j MARK --set-xmark 0x7/0xffffffff', UNMARKED] },
    [/^problem: packets get a mark before the queue rule, .*--set-xmark/],
  ],
])('%s', (_, machine, expected) => {
  expect(says(machine)).toEqual(expected.map((pattern) => expect.stringMatching(pattern)));
});
