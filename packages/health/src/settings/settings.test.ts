import { expect, test } from 'vitest';
import { completeHealth, type HealthSettings, TARGET_HEALTH_KEYS, tableHealthSchema, targetHealthSchema } from './index.js';

/** Settings, or all that is wrong, as a user sees it. */
function read(table: unknown, target?: unknown): HealthSettings | undefined | string[] {
  const declared = [
    table === undefined ? undefined : tableHealthSchema.safeParse(table),
    target === undefined ? undefined : targetHealthSchema.safeParse(target),
  ];
  const issues = declared.flatMap((result) => result?.error?.issues ?? []).map(({ path, message }) => `${path.join('.')}: ${message}`);
  if (issues.length > 0) return issues;
  const completed = completeHealth(declared[0]?.data, declared[1]?.data);
  return 'problems' in completed ? completed.problems.map(({ key, problem }) => `${key}: ${problem}`) : completed.settings;
}

const SCHEDULE = { to: 'address', interval: 2, timeout: 1, rise: 2, fall: 3, jitter: 0.1, damping: { downs: 3, within: 300, hold: 60 } };

test('defaults', () => {
  expect(read({ type: 'tcp', port: 80 })).toEqual({ ...SCHEDULE, type: 'tcp', port: 80 });
  expect(read({ type: 'http' })).toEqual({
    ...SCHEDULE,
    type: 'http',
    port: 80,
    method: 'GET',
    path: '/',
    status: [{ from: 200, to: 299 }],
  });
  expect(read({ type: 'https' })).toMatchObject({ port: 443, verify: true });
  expect(read({ type: 'icmp', interval: 0.5 })).toMatchObject({ interval: 0.5, timeout: 0.5 });
  expect(read(undefined)).toBeUndefined();
});

test('a target has what its table has, but for its own keys', () => {
  const table = { type: 'http', path: '/health', interval: 1, damping: { hold: 5 }, panic: 0.7 };
  expect(read(table, { port: 8080, fall: 1, damping: { downs: 1 } })).toEqual({
    ...SCHEDULE,
    type: 'http',
    port: 8080,
    method: 'GET',
    path: '/health',
    status: [{ from: 200, to: 299 }],
    interval: 1,
    fall: 1,
    damping: { downs: 1, within: 300, hold: 5 },
  });
  expect(read(table, { type: 'icmp' })).toEqual({ ...SCHEDULE, type: 'icmp', interval: 1, damping: { downs: 3, within: 300, hold: 5 } });
  expect(read(table, { type: 'none' })).toBeUndefined();
});

test('values', () => {
  expect(read({ type: 'http', status: [204, '300-399'] })).toMatchObject({
    status: [
      { from: 204, to: 204 },
      { from: 300, to: 399 },
    ],
  });
  expect(read({ type: 'udp', port: 53, send: { hex: '00fF' }, expect: 'ä' })).toMatchObject({
    send: Uint8Array.of(0, 255),
    expect: Uint8Array.of(0xc3, 0xa4),
  });
  expect(read({ type: 'exec', command: ['/bin/true', '{address}'] })).toMatchObject({ command: ['/bin/true', '{address}'] });
});

const STATUS = 'status: must be a status such as 204, a range such as 200-299, or a list of these, from 100 to 599';
const OCTETS = 'must be text, or { hex: "0a0b…" }, of 1 to 1200 octets';
const COMMAND = 'command: must be a list of a program and its arguments, such as [/usr/bin/check, "{address}"]; no shell reads it';

test.each<[string, unknown, string[]]>([
  ['no type', { port: 80 }, ['type: must be given: tcp, http, https, udp, icmp, sctp, exec, none']],
  ['no port', { type: 'tcp' }, ['port: must be given for a check of type tcp: the port to connect to']],
  ['nothing to send', { type: 'udp', port: 53 }, ['send: must be given for a check of type udp: what to send']],
  ['no command', { type: 'exec' }, ['command: must be given for a check of type exec: the program and its arguments']],
  ['a key of other types', { type: 'tcp', port: 80, path: '/' }, ['path: a check of type tcp has none; only http, https']],
  ['a port out of range', { type: 'tcp', port: 65536 }, ['port: must be a whole number from 1 to 65535']],
  ['an interval out of range', { type: 'icmp', interval: 0 }, ['interval: must be seconds from 0.1 to 3600']],
  [
    'a long timeout',
    { type: 'icmp', interval: 1, timeout: 2 },
    ['timeout: must not be longer than the interval: 2 s, and the interval is 1 s'],
  ],
  ['half a pass', { type: 'icmp', rise: 1.5 }, ['rise: must be a whole number from 1 to 100']],
  ['much jitter', { type: 'icmp', jitter: 0.6 }, ['jitter: must be a share of the interval from 0 to 0.5']],
  ['panic in percent', { type: 'icmp', panic: 50 }, ['panic: must be a share of the targets from 0 to 1']],
  ['damping', { type: 'icmp', damping: { hold: 0 } }, ['damping.hold: must be seconds from 1 to 86400']],
  ['a status', { type: 'http', status: '2xx' }, [STATUS]],
  ['a reversed range', { type: 'http', status: '299-200' }, [STATUS]],
  ['no status', { type: 'http', status: [] }, [STATUS]],
  ['a path that ends the request', { type: 'http', path: '/ HTTP/1.1\r\nX: y' }, ['path: must begin with / and have no spaces']],
  ['a host that ends the line', { type: 'http', host: 'a\r\nX: y' }, ['host: must be a name, or a name and a port']],
  ['an address as server name', { type: 'https', sni: '[::1]' }, ['sni: must be a DNS name']],
  ['odd hexadecimal digits', { type: 'udp', port: 1, send: { hex: '0' } }, [`send: ${OCTETS}`]],
  ['a long datagram', { type: 'udp', port: 1, send: 'x'.repeat(1201) }, [`send: ${OCTETS}`]],
  ['a command for a shell', { type: 'exec', command: 'check | grep ok' }, [COMMAND]],
  [
    'a program over the VIP',
    { type: 'exec', command: ['x'], to: 'vip' },
    ['to: a program cannot be made to send with a fwmark; must be address for a check of type exec'],
  ],
])('%s', (_, table, problems) => {
  expect(read(table)).toEqual(problems);
});

test('unknown keys are zod’s, for whoever shows them with the known ones', () => {
  expect(targetHealthSchema.safeParse({ prot: 80 }).error?.issues).toMatchObject([{ code: 'unrecognized_keys', keys: ['prot'], path: [] }]);
  expect(targetHealthSchema.safeParse({ panic: 0.5 }).error?.issues).toMatchObject([{ code: 'unrecognized_keys', keys: ['panic'] }]);
  expect(TARGET_HEALTH_KEYS.slice(0, 3)).toEqual(['type', 'to', 'interval']);
});
