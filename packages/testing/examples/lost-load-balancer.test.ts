import { connections, site } from '@nfqlb/testing';
import { expect, test } from 'vitest';

test('one load balancer of three dies', async () => {
  await using edge = await site(new URL('nfqlb.yaml', import.meta.url), { loadBalancers: 3 });
  const clients = connections(1000, { to: '[1000::1]:443' });
  await edge.send(clients);

  await edge.loseLoadBalancer(2);
  expect(await edge.send(clients)).toKeepTheirTarget();
  expect(edge).toBreakNoConnection();
});
