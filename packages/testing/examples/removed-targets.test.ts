import { connections, site } from '@nfqlb/testing';
import { expect, test } from 'vitest';

test('my configuration keeps 95% of connections when I remove two targets', async () => {
  await using edge = await site(new URL('nfqlb.yaml', import.meta.url));
  const clients = connections(2000, { to: '10.0.0.1:80' });
  expect(await edge.send(clients)).toBalanceWithin(0.3);

  await edge.lose('web-3', 'web-7');
  const after = await edge.send(clients);
  expect(after).toKeepTheirTarget({ except: 'removed', atLeast: 0.95 });
  expect(after).not.toReach('web-3', 'web-7');
});
