import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { clusterPeer } from './cluster-access.js';

const SETTINGS = { kind: 'kubernetes', namespace: 'default', service: 'web' } as const;
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-kubeconfig-'));
});
afterEach(() => rmSync(folder, { recursive: true }));
const put = (name: string, text: string): void => writeFileSync(join(folder, name), text);

test('in a pod: its service account, whose token may be replaced at any time', () => {
  put('ca.crt', 'an authority');
  put('token', 'first\n');
  const peer = clusterPeer(SETTINGS, { KUBERNETES_SERVICE_HOST: 'fd00::1', KUBERNETES_SERVICE_PORT: '6443' }, folder);
  expect(peer).toMatchObject({ url: new URL('https://[fd00::1]:6443'), tls: { ca: 'an authority' } });
  expect(peer.headers!()).toEqual({ authorization: 'Bearer first' });
  put('token', 'second\n');
  expect(peer.headers!()).toEqual({ authorization: 'Bearer second' });
});

test('by a kubeconfig: certificates in it or beside it, of the context that is named or the current one', () => {
  put('client.pem', 'a certificate');
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  put(
    'config',
    `current-context: one
contexts: [{ name: one, context: { cluster: c, user: u } }, { name: two, context: { cluster: c, user: v } }]
clusters: [{ name: c, cluster: { server: "https://10.0.0.1:6443", certificate-authority-data: ${base64('an authority')}, tls-server-name: kubernetes } }]
users: [{ name: u, user: { client-certificate: client.pem, client-key-data: ${base64('a key')} } }, { name: v, user: { token: secret } }]
`,
  );
  const kubeconfig = join(folder, 'config');
  const one = clusterPeer({ ...SETTINGS, kubeconfig });
  expect(one.tls).toEqual({ ca: 'an authority', cert: 'a certificate', key: 'a key', servername: 'kubernetes' });
  expect(one.headers!()).toEqual({});
  expect(clusterPeer({ ...SETTINGS, kubeconfig, context: 'two' }).headers!()).toEqual({ authorization: 'Bearer secret' });
  expect(() => clusterPeer({ ...SETTINGS, kubeconfig, context: 'three' })).toThrow(`${kubeconfig}: no context "three"`);
  put('config', '{');
  expect(() => clusterPeer({ ...SETTINGS, kubeconfig })).toThrow(`${kubeconfig}: is not YAML`);
  rmSync(kubeconfig);
  expect(() => clusterPeer({ ...SETTINGS, kubeconfig })).toThrow(`${kubeconfig}: no such file`);
});
