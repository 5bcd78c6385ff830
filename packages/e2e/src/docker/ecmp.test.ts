// Two identical load balancers behind a router that spreads connections over them; one is killed.

import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect } from 'vitest';
import { QUEUED } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeDocker } from '../testing/describe-docker.js';
import { runConversations } from './conversations.js';
import { queued, Site } from './site.js';

describeDocker('two load balancers behind ECMP', () => {
  describe.each(QUEUED)('over IPv$family, queues: $queues', ({ family, queues }) => {
    behaviour(
      'one is killed, and the connections go on through the other at the same targets',
      { behaviour: 'ecmp', family, queues },
      async () => {
        await using site = await Site.create({ mode: 'dsr', queues, lbs: 2 });
        const [first, second] = site.lbs;
        let shares: number[] = [];
        const seen = await runConversations(site, 'hold', { family, connections: 100, timeout: 8000 }, async () => {
          await sleep(700);
          shares = await Promise.all(site.lbs.map(queued));
          await first!.kill();
          await sleep(200);
          // As a routing protocol does when the neighbour is gone.
          await site.routeThrough(second!);
          await sleep(500);
        });
        // Each has 50 of 100 connections, within five standard deviations.
        expect(Math.min(...shares) / (shares[0]! + shares[1]!)).toBeGreaterThan(0.25);
        expect(seen).toMatchObject({ connected: 100, errors: [], moved: 0, answered: seen.asked });
        expect(Object.keys(seen.byTarget).sort()).toEqual(['t1', 't2', 't3']);
      },
    );
  });
});
