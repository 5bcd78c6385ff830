import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { readConfigurationText } from './configuration-text.js';
import { parseConfiguration } from './read-configuration.js';

const EXAMPLE = `
tables:                       # shared-memory names
  web:   { M: 997, N: 32, permutation: fwmark, targets: { 101: 1, 102: 2 } }   # fwmark: weight
  sctp:  { targets: { 201: 1, 202: 1 } }
flows:
  - { name: web4, target: web, priority: 100, protocols: [tcp, udp], dsts: [10.0.0.1/32, 1000::/112],
      srcs: [192.168.0.0/16], dports: ["80", "443", "8000-8099"], sports: [], match: ["tcp[2:2] = 80"] }
  - { name: sig, target: sctp, protocols: [sctp], dports: ["6000"], udpencap: 9899 }
`;

const problem = (text: string): string => {
  try {
    parseConfiguration(text, 'f');
  } catch (error) {
    if (error instanceof ConfigurationError) return [error, ...error.further].map(({ message }) => message).join('\n');
    throw error;
  }
  return 'none';
};

test('tables, targets with weights, and flows', () => {
  const { tables, flows } = parseConfiguration(EXAMPLE, 'nfqlb.yaml');
  expect(tables).toEqual(
    new Map([
      [
        'web',
        {
          M: 997,
          N: 32,
          ownFwmark: 0,
          permutation: 'fwmark',
          drain: 0,
          targets: [
            { fwmark: 101, weight: 1 },
            { fwmark: 102, weight: 2 },
          ],
        },
      ],
      [
        'sctp',
        {
          M: 997,
          N: 32,
          ownFwmark: 0,
          permutation: 'fwmark',
          drain: 0,
          targets: [
            { fwmark: 201, weight: 1 },
            { fwmark: 202, weight: 1 },
          ],
        },
      ],
    ]),
  );
  expect(flows).toEqual([
    {
      name: 'web4',
      target: 'web',
      priority: 100,
      protocols: 'tcp,udp',
      dsts: '10.0.0.1/32,1000::/112',
      srcs: '192.168.0.0/16',
      dports: '80,443,8000-8099',
      sports: '',
      match: 'tcp[2:2] = 80',
      place: 'nfqlb.yaml:6:5',
    },
    { name: 'sig', target: 'sctp', protocols: 'sctp', dports: '6000', udpencap: 9899, place: 'nfqlb.yaml:8:5' },
  ]);
});

test('a hash with a key, from a file', () => {
  const key = join(mkdtempSync(join(tmpdir(), 'nfqlb-hash-')), 'key');
  writeFileSync(key, '0123456789abcdef\n');
  try {
    const { tables } = parseConfiguration(`tables: { a: { hash: "siphash:${key}" }, b: { hash: djb2 } }`, 'f');
    expect(tables?.get('a')).toMatchObject({ hash: `siphash:${key}`, hashKey: [0x01234567, 0x89abcdef | 0] });
    expect(tables?.get('b')).not.toHaveProperty('hashKey');
  } finally {
    rmSync(dirname(key), { recursive: true });
  }
  expect(problem(`tables: { a: { hash: "siphash:${key}" } }`)).toMatch(/^f:1:22: hash: .*: no such file or directory; the key is 16 hex/);
  expect(problem('tables: { a: { hash: sha1 } }')).toMatch(/^f:1:22: hash: must be djb2, or siphash:FILE/);
});

test('JSON is YAML', () => {
  const { tables, flows } = parseConfiguration('{"tables": {"a": {"targets": {"7": 0}}}, "flows": [{"name": "f", "target": "/a"}]}', '-');
  expect(tables?.get('a')?.targets).toEqual([{ fwmark: 7, weight: 0 }]);
  expect(flows).toEqual([{ name: 'f', target: 'a', place: 'standard input:1:52' }]);
});

test('a list may be a single member, ports may be numbers, and anchors work', () => {
  const text =
    'flows:\n- &a {name: a, target: t, dports: 80, protocols: udp}\n- {<<: *a, name: b}\n- {name: c, target: t, sports: [1, "2,3-4"]}';
  const { flows } = parseConfiguration(text.replace('<<: *a, ', 'target: t, '), 'f');
  expect(flows?.map(({ dports, sports, protocols }) => [dports, sports, protocols])).toEqual([
    ['80', undefined, 'udp'],
    [undefined, undefined, undefined],
    [undefined, '1,2,3-4', undefined],
  ]);
});

test('a missing section is not an empty one', () => {
  expect(parseConfiguration('{}', 'f')).toEqual({ tables: undefined, flows: undefined });
  expect(parseConfiguration('{tables: {}, flows: []}', 'f')).toEqual({ tables: new Map(), flows: [] });
});

describe('errors name the place', () => {
  const PORT = 'must be a port from 1 to 65535, or a range such as 8000-8099';
  const KEYS = 'name, target, priority, protocols, dsts, srcs, dports, sports, match, udpencap';
  test.each([
    ['', 'f:1:1: must be a mapping'],
    ['- a', 'f:1:1: must be a mapping'],
    ['tables: 3', 'f:1:9: tables: must be a mapping'],
    ['tables:', 'f:1:8: tables: must be a mapping'],
    ['flows: {}', 'f:1:8: flows: must be a list'],
    [
      'foo: 1\nbar: 2',
      'f:1:1: unknown key "foo"; there are tables, flows, tier, options\nf:2:1: unknown key "bar"; there are tables, flows, tier, options',
    ],
    [
      'tables:\n  a: { m: 3 }',
      'f:2:8: unknown key "m"; there are M, N, ownfw, permutation, hash, drain, vips, mode, keep-source, syn-only, announce, health, fwmarks, discover, targets',
    ],
    [
      'tables: {a: {M: -1, targets: {x: 1}}}',
      'f:1:17: M: must be a whole number from 0 to 4294967295\nf:1:31: fwmark x: must be a whole number from 1 to 2147483647 (a packet with fwmark 0 counts as one without, and is dropped)',
    ],
    [
      'tables: {a: {targets: {-1: 1}}}',
      'f:1:24: fwmark -1: must be a whole number from 1 to 2147483647 (a packet with fwmark 0 counts as one without, and is dropped)',
    ],
    ['tables: {a: {targets: {4: 70000}}}', 'f:1:27: weight of 4: must be a whole number from 0 to 65535'],
    ['tables: {a: {N: 1, targets: {1: 1, 2: 1}}}', 'f:1:29: targets: 2 targets: the table has N=1 slots'],
    ['tables: {a: {M: 5, N: 6}}', 'f:1:13: N 6: must be a whole number from 1 to 5, since M=5'],
    ['tables: {a: {permutation: x}}', 'f:1:27: permutation: must be one of fwmark, nfqlb'],
    [
      'tables: {a: {permutation: nfqlb, targets: {1: 1, 2: 3}}}',
      'f:1:43: targets: unequal weights need permutation fwmark; this table has nfqlb',
    ],
    ['tables: {"a/b": {}}', 'f:1:10: target "a/b": must be the name of a table, 1 to 255 characters without a slash'],
    ['tables: {a: {targets: {1: 1, "1": 2}}}', 'f:1:30: Map keys must be unique'],
    ['flows:\n- {name: a}', 'f:2:3: target: must be given'],
    ['flows:\n- 3', 'f:2:3: flows: must be a mapping'],
    ['flows:\n- {name: 12, target: b}', 'f:2:10: name: must be text: "12", in quotes'],
    ['flows:\n- {name: "#a", target: b}', 'f:2:10: name "#a": must be 1 to 1000 of the characters A-Z a-z 0-9 + _ -'],
    ['flows:\n- {name: a, target: b, dports: [80, "0"]}', `f:2:37: dports "0": ${PORT}`],
    ['flows:\n- name: a\n  target: b\n  dports:\n  - 5-3\n', `f:5:5: dports "5-3": ${PORT}`],
    ['flows:\n- {name: a, target: b, dports: [65536, 1.5]}', `f:2:33: dports "65536": ${PORT}\nf:2:40: dports "1.5": ${PORT}`],
    [
      'flows:\n- {name: a, target: b, srcs: [10.0.0.0/33]}',
      'f:2:31: srcs "10.0.0.0/33": must be ADDRESS/PREFIX, such as 10.0.0.0/8 or 2001:db8::/32',
    ],
    ['flows:\n- {name: a, target: b, srcs: [~]}', 'f:2:31: srcs: must be text or a number'],
    ['flows:\n- {name: a, target: b, srcs: {}}', 'f:2:30: srcs: must be a list'],
    [
      'flows:\n- {name: a, target: b, dsts: [10.0.0.0/8, 10.0.0.1/24]}',
      'f:2:43: dsts "10.0.0.1/24": has bits behind the prefix; must be 10.0.0.0/24, or 10.0.0.1/32 for the one address',
    ],
    ['flows:\n- {name: a, target: b, priority: -1}', 'f:2:34: priority "-1": must be a whole number from 0 to 4294967295'],
    ['flows:\n- {name: a, target: b, udpencap: 3}', 'f:2:34: udpencap 3: only allowed with protocols sctp, not with any'],
    ['flows:\n- {name: a, target: b, dport: 3}', `f:2:24: unknown key "dport"; there are ${KEYS}`],
    [
      'flows:\n- {name: a, target: b}\n- {name: c, target: b}\n- {name: a, target: c}',
      'f:4:10: name a: another flow already has this name',
    ],
    ['a: 1\na: 2', 'f:2:1: Map keys must be unique'],
    ['a: 1\n---\nb: 1', 'f:2:1: a second document begins; only one is allowed'],
    ['tables: !foo 1', 'f:1:9: Unresolved tag: !foo'],
    ['tables: *x', 'f:1:9: Unresolved alias (the anchor must be set before the alias): x'],
  ])('%j', (text, message) => {
    expect(problem(text)).toBe(message);
  });

  test('all of them, in the order of the file', () => {
    const text = `
tables:
  web: { M: 0, permutation: sideways }
  dns: { targets: { 0: 1, 7: 70000 } }
flows:
  - { name: one, target: nowhere, prio: 3 }
  - { name: two, target: web, protocols: [tcp, xyz], dsts: [10.0.0.1/24], dports: ["0"] }
  - { name: two, target: elsewhere }
  - { name: three, target: present }
more: yes
`;
    const problems = (): string[] => {
      try {
        parseConfiguration(text, 'f', { hasTable: (name) => name === 'present' });
      } catch (error) {
        const { message, further } = error as ConfigurationError;
        return [message, ...further.map((each) => each.message)];
      }
      return [];
    };
    expect(problems().map((line) => line.replace(/^(f:\d+:\d+: \S+ ?\S* ?\S*).*$/, '$1'))).toMatchInlineSnapshot(`
      [
        "f:3:29: permutation: must be",
        "f:4:21: fwmark 0: must",
        "f:4:30: weight of 7:",
        "f:6:5: flow one: there",
        "f:6:35: unknown key "prio";",
        "f:7:48: protocols "xyz": must",
        "f:7:61: dsts "10.0.0.1/24": has",
        "f:7:84: dports "0": must",
        "f:8:5: flow two: there",
        "f:8:13: name two: another",
        "f:10:1: unknown key "more";",
      ]
    `);
  });

  test('of the YAML itself, all of them', () => {
    expect(problem('tables: {a: {M: 1}, a: {}}\nflows: []\nflows: []\n')).toBe(
      'f:1:21: Map keys must be unique\nf:3:1: Map keys must be unique',
    );
  });

  test('an unclosed list', () => {
    expect(problem('flows: [')).toMatch(/^f:1:9: \S/);
  });

  test('aliases that would fill the memory', () => {
    const lists = Array.from(
      { length: 12 },
      (_, i) =>
        `l${i}: &l${i} [${
          i === 0
            ? 'x'
            : Array(10)
                .fill(`*l${i - 1}`)
                .join()
        }]`,
    );
    expect(problem(lists.join('\n'))).toMatch(/^f:\d+:\d+: Excessive alias count/);
  });
});

test.each([
  ['/none/nfqlb.yaml', '/none/nfqlb.yaml: no such file or directory'],
  ['/proc', '/proc: is a directory; a file is needed'],
])('the file %s cannot be read', async (file, message) => {
  await expect(readConfigurationText(file)).rejects.toThrow(new ConfigurationError(file, message.slice(file.length + 2)));
});

test('a map as a key is refused, and the YAML package prints no warning of its own', () => {
  const warned: unknown[] = [];
  const { emitWarning } = process;
  process.emitWarning = ((warning: unknown) => warned.push(warning)) as typeof process.emitWarning;
  try {
    expect(problem('{ { a: 1 }: 2 }')).toMatch(/^f:1:\d+: /);
  } finally {
    process.emitWarning = emitWarning;
  }
  expect(warned).toEqual([]);
});
