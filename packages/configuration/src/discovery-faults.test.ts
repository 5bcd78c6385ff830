import { expect, test } from 'vitest';
import { ConfigurationError } from './configuration-error.js';
import { parseConfiguration } from './read-configuration.js';

const problems = (text: string): string => {
  try {
    parseConfiguration(text, 'f');
  } catch (error) {
    if (error instanceof ConfigurationError) return [error, ...error.further].map(({ message }) => message).join('|');
    throw error;
  }
  return 'none';
};

const table = (keys: string, further = ''): string => `tables:\n  web: { mode: dsr, vips: 10.0.0.1/32, ${keys} }\n${further}`;
const etcd = 'fwmarks: 100-199, discover: { etcd: { endpoints: http://10.0.0.11:2379, prefix: /web/ } }';

test('each source, with its defaults', () => {
  const source = (keys: string): unknown =>
    parseConfiguration(table(`fwmarks: 1000-1255, discover: ${keys}`), 'f').tables!.get('web')!.discovery;
  const fwmarks = { first: 1000, last: 1255 };
  expect(source('{ dns: { name: web.example.org } }')).toEqual({
    fwmarks,
    source: { kind: 'dns', name: 'web.example.org', type: 'A', servers: [] },
  });
  expect(source('{ dns: { name: _http._tcp.example.org, type: SRV, servers: ["10.0.0.53:5353", "fd00::53"] } }')).toMatchObject({
    source: { type: 'SRV', servers: ['10.0.0.53:5353', 'fd00::53'] },
  });
  expect(
    source(
      '{ etcd: { endpoints: [https://a:2379, https://b:2379], prefix: /web/, ca: ca.pem, cert: c, key: k, user: u, password-file: p } }',
    ),
  ).toMatchObject({
    source: {
      kind: 'etcd',
      endpoints: ['https://a:2379', 'https://b:2379'],
      prefix: '/web/',
      ca: 'ca.pem',
      cert: 'c',
      key: 'k',
      user: 'u',
      passwordFile: 'p',
    },
  });
  expect(source('{ kubernetes: { service: default/web, kubeconfig: /etc/k, context: c } }')).toMatchObject({
    source: { kind: 'kubernetes', namespace: 'default', service: 'web', kubeconfig: '/etc/k', context: 'c' },
  });
});

test('targets that are found are checked as the table says', () => {
  const { tables } = parseConfiguration(table(`${etcd}, health: { type: tcp, port: 80 }`), 'f');
  expect(tables!.get('web')!.discovery!.health).toMatchObject({ type: 'tcp', port: 80, interval: 2 });
});

test.each([
  [table('discover: { dns: { name: a.b } }'), 'f:2:40: table web has discover and needs fwmarks for what is found: fwmarks: 1000-1255'],
  [table('fwmarks: 1-9'), 'f:2:40: table web has fwmarks and needs discover: they are for targets that are found'],
  [
    table('fwmarks: 9-1, discover: { dns: { name: a.b } }'),
    'f:2:49: fwmarks: must be a range FIRST-LAST such as 1000-1255, from 1 to 2147483647',
  ],
  [table('fwmarks: 1-9, discover: {}'), 'f:2:64: discover: must have one of dns, etcd, kubernetes'],
  [
    table('fwmarks: 1-9, discover: { dns: { name: a.b }, kubernetes: { service: a/b } }'),
    'f:2:64: discover: must have one of dns, etcd, kubernetes',
  ],
  [
    table('fwmarks: 1-9, discover: { consul: {} }'),
    'f:2:64: discover: must have one of dns, etcd, kubernetes|f:2:66: unknown key "consul"; there are dns, etcd, kubernetes',
  ],
  [
    table('fwmarks: 1-9, discover: { dns: { nam: a.b } }'),
    'f:2:71: name: must be given|f:2:73: unknown key "nam"; there are name, type, servers',
  ],
  [table('fwmarks: 1-9, discover: { dns: { name: "a b" } }'), 'f:2:79: name: must be a DNS name such as web.example.org'],
  [
    table('fwmarks: 1-9, discover: { dns: { name: a, servers: dns } }'),
    'f:2:91: servers: must be addresses of DNS servers, such as 10.0.0.53 or 10.0.0.53:5353',
  ],
  [
    table('fwmarks: 1-9, discover: { dns: { name: a, type: AAAA } }'),
    'f:2:88: type: AAAA finds no address of the VIPs’ family; must be A or SRV',
  ],
  [table('fwmarks: 1-9, discover: { kubernetes: { service: web } }'), 'f:2:89: service: must be NAMESPACE/SERVICE such as default/web'],
  [
    table('fwmarks: 1-9, discover: { etcd: { endpoints: 10.0.0.1, prefix: / } }'),
    'f:2:85: endpoints: must be URLs such as http://10.0.0.11:2379 or https://etcd-1.example.org:2379',
  ],
  [
    table('fwmarks: 1-9, discover: { etcd: { endpoints: http://a, prefix: /, ca: x } }'),
    'f:2:110: ca: is for https: the endpoints must be https://…',
  ],
  [table('fwmarks: 1-9, discover: { etcd: { endpoints: http://a, prefix: /, user: x } }'), 'f:2:112: user: needs a password-file'],
  [
    table(`${etcd}, permutation: nfqlb`),
    'f:2:58: table web has discover and needs permutation fwmark: otherwise load balancers differ by the order in which targets came',
  ],
  [
    table(`${etcd}, targets: [{ fwmark: 150, address: 192.168.1.1 }]`),
    /^f:2:\d+: fwmark 150 is among 100-199, for targets that table web finds$/,
  ],
  [table(`${etcd}, ownfw: 100`), /^f:2:\d+: fwmark 100 is among 100-199, for targets that table web finds$/],
  [table(etcd, '  dns: { targets: { 199: 1, 200: 1 } }'), 'f:3:21: fwmark 199 is among 100-199, for targets that table web finds'],
  [
    table(etcd, '  dns: { fwmarks: 150-299, discover: { dns: { name: a.b } } }'),
    'f:3:19: fwmarks: some are also of table web, 100-199; must be the same, or others',
  ],
  [table(etcd, '  dns: { fwmarks: 100-199, discover: { dns: { name: a.b } } }'), 'none'],
  [table(`${etcd}, health: { type: tcp }`), /^f:2:\d+: port: must be given for a check of type tcp: the port to connect to$/],
])('%s', (text, expected) => {
  if (typeof expected === 'string') expect(problems(text)).toBe(expected);
  else expect(problems(text)).toMatch(expected);
});

test('a name has addresses of one family', () => {
  const text = (type: string): string =>
    `tables:\n  web: { mode: dsr, vips: [10.0.0.1/32, 1000::1/128], fwmarks: 1-9, discover: { dns: { name: a.b${type} } } }`;
  expect(problems(text(''))).toMatch(
    /type: A finds no address of the other family, which has VIPs, too; must be SRV, whose hosts have both$/,
  );
  expect(problems(text(', type: SRV'))).toBe('none');
});

test('where nothing finds targets, tables must not look for any', () => {
  expect(() => parseConfiguration(table(etcd), 'f', { findsNothing: true })).toThrow(
    'f:2:58: table web has discover: only nfqlb run finds targets',
  );
});
