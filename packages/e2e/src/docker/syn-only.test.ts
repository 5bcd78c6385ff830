// Only the first packet of a connection goes to the queue; the kernel keeps its fwmark for the rest.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import type { Family, Queues } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeDocker } from '../testing/describe-docker.js';
import { sharedSite } from '../testing/shared-site.js';
import { runConversations } from './conversations.js';
import { queued } from './site.js';

describeDocker('with NAT and --syn-only', () => {
  describe.each([1, 4] as Queues[])('and %i queues', (queues) => {
    const shared = sharedSite({ mode: 'nat', queues, env: { NFQLB_UP_OPTIONS: '--syn-only' } });

    describe.each([4, 6] as Family[])('over IPv%i', (family) => {
      behaviour('there are as many packets in the queue as connections', { behaviour: 'syn-only', family, queues }, async () => {
        const { lb } = shared();
        const before = await queued(lb);
        const seen = await runConversations(shared(), 'hold', { family, connections: 100 }, async () => {});
        expect(seen).toMatchObject({ connected: 100, errors: [], moved: 0, answered: seen.asked });
        expect(seen.asked).toBeGreaterThan(100 * 3);
        expect(Object.keys(seen.byTarget).sort()).toEqual(['t1', 't2', 't3']);
        expect((await queued(lb)) - before).toBe(100);
      });

      behaviour('connections survive changes of targets, new ones follow them', { behaviour: 'syn-only', family, queues }, async () => {
        const { lb } = shared();
        const seen = await runConversations(shared(), 'hold', { family, connections: 60 }, async () => {
          await lb.run('nfqlb', 'deactivate', '1', '2');
          const later = await runConversations(shared(), 'hold', { family, connections: 20 }, async () => {});
          expect(later).toMatchObject({ connected: 20, errors: [], byTarget: { t3: 20 } });
          await lb.run('nfqlb', 'activate', '1', '2');
        });
        expect(seen).toMatchObject({ connected: 60, errors: [], moved: 0, answered: seen.asked });
        expect(Object.keys(seen.byTarget).sort()).toEqual(['t1', 't2', 't3']);
      });

      behaviour('connections go on while the load balancer hangs', { behaviour: 'syn-only', family, queues }, async () => {
        const { lb } = shared();
        // The entrypoint's only child.
        const signal = (name: string) => lb.script(`kill -${name} $(cat /proc/1/task/1/children)`);
        let seen = await runConversations(shared(), 'hold', { family, connections: 20, timeout: 1000 }, async () => {
          await signal('STOP');
          await sleep(2000);
        });
        await signal('CONT');
        expect(seen).toMatchObject({ connected: 20, errors: [], moved: 0, answered: seen.asked });
        seen = await runConversations(shared(), 'hold', { family, connections: 1 }, async () => {});
        expect(seen).toMatchObject({ connected: 1, errors: [] });
      });
    });
  });
});
