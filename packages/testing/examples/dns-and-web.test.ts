import { connections, site } from '@nfqlb/testing';
import { expect, test } from 'vitest';

test.each(['10.0.0.1', '[1000::1]'])('DNS goes here and web goes there, at %s', async (vip) => {
  await using edge = await site(new URL('nfqlb.yaml', import.meta.url));
  expect(await edge.send(connections(100, { to: `${vip}:80` }))).toReach('web');
  expect(await edge.send(connections(100, { to: `${vip}:443` }))).toReach('web');
  expect(await edge.send(connections(100, { to: `${vip}:53`, protocol: 'udp' }))).toReach('dns');
  expect(await edge.send(connections(100, { to: `${vip}:53` }))).toReach('dns');
  expect(await edge.send(connections(100, { to: `${vip}:22` }))).toReachNoTarget();
});
