// Direct Server Return: packets to the VIP pass through the load balancer, answers do not.

import { describe, expect } from 'vitest';
import type { Family, Queues } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeDocker } from '../testing/describe-docker.js';
import { sharedSite } from '../testing/shared-site.js';
import { curl, runConversations } from './conversations.js';
import { packetsFrom, VIP } from './site.js';

describeDocker('with DSR', () => {
  describe.each([1, 4] as Queues[])('and %i queues', (queues) => {
    const shared = sharedSite({ mode: 'dsr', queues });

    describe.each([4, 6] as Family[])('over IPv%i', (family) => {
      behaviour('answers go straight back, and targets see the client’s address', { behaviour: 'dsr', family, queues }, async () => {
        const site = shared();
        const { client, lb, front } = site;
        // Proves that the counter works: it sees the client's packets.
        const clientsAddress = client.address(front, family);
        const fromClient = await packetsFrom(lb, family, clientsAddress);
        const fromVip = await packetsFrom(lb, family, VIP[family]);
        const seen = await runConversations(site, 'hold', { family, connections: 60 }, async () => {
          expect(new Set(await curl(site, family, 30))).toEqual(new Set(['t1', 't2', 't3']));
        });
        expect(seen).toMatchObject({ connected: 60, errors: [], moved: 0, answered: seen.asked });
        expect(Object.keys(seen.byTarget).sort()).toEqual(['t1', 't2', 't3']);
        expect(new Set(await curl(site, family, 10, 'address'))).toEqual(new Set([clientsAddress]));
        expect(await fromClient()).toBeGreaterThan(seen.asked);
        expect(await fromVip()).toBe(0);
      });
    });
  });
});
