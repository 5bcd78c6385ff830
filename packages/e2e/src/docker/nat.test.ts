// The README's example in containers: targets behind NAT that come and go.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { Family, Queues } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeDocker } from '../testing/describe-docker.js';
import { sharedSite } from '../testing/shared-site.js';
import { curl, runConversations } from './conversations.js';
import type { Site } from './site.js';

/** SYNs that the client has retransmitted since it started: `TCPSynRetrans` in /proc/net/netstat. */
async function synRetransmissions({ client }: Site): Promise<number> {
  const [names, values] = (await client.run('cat', '/proc/net/netstat')).split('\n').map((line) => line.split(' '));
  return Number(values![names!.indexOf('TCPSynRetrans')]);
}

describeDocker('with NAT', () => {
  describe.each([1, 4] as Queues[])('and %i queues', (queues) => {
    const shared = sharedSite({ mode: 'nat', queues });

    describe.each([4, 6] as Family[])('over IPv%i', (family) => {
      behaviour('all targets answer, and one that is deactivated does not', { behaviour: 'nat', family, queues }, async () => {
        const site = shared();
        expect(new Set(await curl(site, family, 40))).toEqual(new Set(['t1', 't2', 't3']));
        let during: string[] = [];
        const seen = await runConversations(site, 'hold', { family, connections: 60 }, async () => {
          await site.lb.run('nfqlb', 'deactivate', '2');
          during = await curl(site, family, 40);
          await site.lb.run('nfqlb', 'activate', '2');
        });
        expect(new Set(during)).toEqual(new Set(['t1', 't3']));
        expect(new Set(await curl(site, family, 40))).toEqual(new Set(['t1', 't2', 't3']));
        // NAT decides once per connection, so those of the deactivated target stay there.
        expect(seen).toMatchObject({ connections: 60, connected: 60, errors: [], moved: 0, answered: seen.asked });
        expect(Object.keys(seen.byTarget).sort()).toEqual(['t1', 't2', 't3']);
        expect(seen.asked).toBeGreaterThan(60 * 20);
      });

      behaviour('no connection is lost or slow while targets come and go', { behaviour: 'nat-change', family, queues }, async () => {
        const site = shared();
        const retransmissions = await synRetransmissions(site);
        const seen = await runConversations(site, 'dial', { family, interval: 5 }, async () => {
          for (const fwmark of ['1', '2', '3', '1', '2', '3']) {
            await site.lb.run('nfqlb', 'deactivate', fwmark);
            await sleep(50);
            await site.lb.run('nfqlb', 'activate', fwmark);
          }
        });
        expect(seen).toMatchObject({
          connected: seen.connections,
          errors: [],
          moved: 0,
          asked: seen.connections,
          answered: seen.connections,
        });
        expect(seen.connections).toBeGreaterThan(100);
        expect(Object.keys(seen.byTarget).sort()).toEqual(['t1', 't2', 't3']);
        // A lost SYN would have been retransmitted (RFC 6298 §2.1).
        expect(await synRetransmissions(site)).toBe(retransmissions);
        console.log(`IPv${family}, ${queues} queues: connected in ${JSON.stringify(seen.connectMs)} ms while targets came and went`);
      });
    });
  });
});
