// A flow for one TCP port: with --promiscuous_ping its addresses also answer ping.

import { describe, expect } from 'vitest';
import type { Family, Queues } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeDocker } from '../testing/describe-docker.js';
import { sharedSite } from '../testing/shared-site.js';
import { curl } from './conversations.js';
import { VIP } from './site.js';

describeDocker('flowlb', () => {
  describe.each([1, 4] as Queues[])('with %i queues', (queues) => {
    // One container; the test starts flowlb with and without the option.
    const shared = sharedSite(
      { mode: 'dsr', queues, command: ['sh', '-c', 'echo listening on queue: none yet; exec sleep infinity'] },
      async ({ lb }) => {
        await lb.run('nfqlb', 'init', '--shm=web');
        await lb.run('nfqlb', 'activate', '--shm=web', '1', '2', '3');
        await lb.run('sh', '-c', 'nfqlb up --vip="$(echo $NFQLB_VIPS | tr " " ,)" --mode=dsr --queue=$NFQLB_QUEUE $NFQLB_TARGETS');
      },
    );
    /** Runs `flowlb` with the flow while `act` does. */
    const balancing = async (options: string, act: () => Promise<void>): Promise<void> => {
      const { lb } = shared();
      await lb.script(
        // What the last flowlb said must not be taken for what this one says.
        'rm -f /tmp/flowlb /tmp/flowlb.pid',
        `nfqlb flowlb --queue=$NFQLB_QUEUE ${options} >/tmp/flowlb 2>&1 & echo $! >/tmp/flowlb.pid`,
        'until grep -qs "listening on queue" /tmp/flowlb; do sleep 0.05; done',
        `nfqlb flow-set --name=web --target=web --protocols=tcp --dports=80 --dsts=${VIP[4]}/32,${VIP[6]}/128`,
      );
      try {
        await act();
      } finally {
        await lb.script(
          'pid=$(cat /tmp/flowlb.pid)',
          'kill $pid',
          'while grep -q . /proc/net/netfilter/nfnetlink_queue; do sleep 0.05; done',
        );
      }
    };

    describe.each([4, 6] as Family[])('over IPv%i', (family) => {
      behaviour(
        'answers ping for the addresses of a flow when it is told to, and only then',
        { behaviour: 'ping', family, queues },
        async () => {
          const { client } = shared();
          const ping = () => client.attempt('ping', '-c', '3', '-i', '0.1', '-W', '1', VIP[family]);
          await balancing('--promiscuous_ping', async () => {
            expect((await ping()).stdout).toContain('3 received');
            expect(new Set(await curl(shared(), family, 40))).toEqual(new Set(['t1', 't2', 't3']));
          });
          await balancing('', async () => {
            expect((await ping()).stdout).toContain(' 0 received');
            expect(await curl(shared(), family, 1)).toHaveLength(1);
          });
        },
      );
    });
  });
});
