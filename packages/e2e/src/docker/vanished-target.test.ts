// A target that is killed without being deactivated.

import { describe, expect, test } from 'vitest';
import type { Family } from '../matrix/behaviours.js';
import { describeDocker } from '../testing/describe-docker.js';
import { runConversations } from './conversations.js';
import { Site } from './site.js';

describeDocker('a target that vanishes', () => {
  describe.each([4, 6] as Family[])('over IPv%i', (family) => {
    test('breaks only its own connections; doctor names it; deactivating it restores service', async () => {
      await using site = await Site.create({ mode: 'nat', queues: 1 });
      const doctor = async (): Promise<string[]> => {
        const { stdout } = await site.lb.attempt('nfqlb', 'doctor');
        return stdout.split('\n').filter((line) => / targets /.test(line));
      };
      expect(await doctor()).toEqual([]);
      await site.target(2).kill();
      // doctor has asked for the targets' link-layer addresses: the kernel would use that of the killed one for seconds.
      await site.lb.runAsRoot('ip', 'neighbour', 'flush', 'all');
      const seen = await runConversations(site, 'hold', { family, connections: 60, timeout: 6000 }, async () => {});
      expect(Object.keys(seen.byTarget).sort()).toEqual(['t1', 't3']);
      // No neighbour answers, so the load balancer reports ICMP host or address unreachable to the client.
      expect(new Set(seen.errors)).toEqual(new Set(['EHOSTUNREACH']));
      expect(seen.connected + seen.errors.length).toBe(60);
      expect(seen.errors.length).toBeGreaterThan(5);
      const address = site.target(2).address(site.back, family);
      expect(await doctor()).toEqual([
        expect.stringMatching(
          // It asks for the addresses of both families.
          new RegExp(
            `^problem .* nobody answers at (?:2=\\S+, )?2=${address}(?:, 2=\\S+)?, to which packets go → nfqlb deactivate 2, until the target is back$`,
          ),
        ),
      ]);
      await site.lb.run('nfqlb', 'deactivate', '2');
      expect(await runConversations(site, 'hold', { family, connections: 60 }, async () => {})).toMatchObject({
        connected: 60,
        errors: [],
      });
      expect(await doctor()).toEqual([]);
    });
  });
});
