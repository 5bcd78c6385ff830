import { expect, test } from 'vitest';
import { isEtcdUrl, parseEtcdUrl } from './etcd-url.js';

test('a key of one member, or of several with TLS and a user', () => {
  expect(isEtcdUrl('nfqlb.yaml')).toBe(false);
  expect(isEtcdUrl('etcds://a/b')).toBe(true);
  expect(parseEtcdUrl('etcd://10.0.0.11:2379/nfqlb/configuration')).toEqual({
    access: { endpoints: ['http://10.0.0.11:2379'] },
    key: '/nfqlb/configuration',
  });
  expect(parseEtcdUrl('etcds://a:2379,[fd00::1]:2379/k?ca=/ca.pem&cert=/c&key=/k&user=u&password-file=/p')).toEqual({
    access: {
      endpoints: ['https://a:2379', 'https://[fd00::1]:2379'],
      ca: '/ca.pem',
      cert: '/c',
      key: '/k',
      user: 'u',
      passwordFile: '/p',
    },
    key: '/k',
  });
});

test.each([
  ['etcd://10.0.0.11:2379', /must be etcd:\/\/HOST:2379\/KEY, or etcds:/],
  ['etcd://10.0.0.11:x/k', /must be etcd:\/\/HOST:2379\/KEY/],
  ['etcd://a/k?pass=x', /unknown parameter "pass"; there are ca, cert, key, user, password-file/],
  ['etcd://a/k?ca=x', /ca: is for https: etcds:\/\/…/],
  ['etcds://a/k?cert=x', /cert: needs a key/],
  ['etcds://a/k?user=x', /user: needs a password-file/],
])('%s is refused', (url, problem) => {
  expect(() => parseEtcdUrl(url)).toThrow(problem);
});
