import { expect, test } from 'vitest';
import { parseKernelOptions } from './gather.js';

test('kernel options, built in or as modules', () => {
  const config = '# Linux/x86 6.1\nCONFIG_TUN=m\nCONFIG_NF_NAT=y\n# CONFIG_IPX is not set\nCONFIG_HZ=250\nCONFIG_DEFAULT_HOSTNAME="y"\n';
  expect([...parseKernelOptions(config)]).toEqual(['TUN', 'NF_NAT']);
});
