// A packet without a target or a flow gets a fwmark that a REJECT rule or a route answers, so that the client need not wait.

import { describe, expect } from 'vitest';
import type { Family, Queues } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeDocker } from '../testing/describe-docker.js';
import { sharedSite } from '../testing/shared-site.js';
import { curl } from './conversations.js';
import type { Machine } from './machine.js';
import { type Site, VIP } from './site.js';

const NO_TARGETS = 98;
const NO_FLOW = 99;

/** curl's exit status: 7 for a refused connection, 28 for one without an answer. */
async function attempt({ client }: Site, family: Family, port: number): Promise<{ exitCode: number; stderr: string }> {
  const host = family === 4 ? VIP[4] : `[${VIP[6]}]`;
  const { exitCode, stderr } = await client.attempt(
    'curl',
    '--verbose',
    '--silent',
    '--globoff',
    '--max-time',
    '5',
    `http://${host}:${port}/`,
  );
  return { exitCode, stderr };
}

/** TCP connections without a target are reset; packets without a flow have no route. */
async function answerMarks(lb: Machine): Promise<void> {
  await lb.runAsRoot(
    'sh',
    '-ec',
    [
      ...['iptables', 'ip6tables'].map(
        (program) => `${program} -A FORWARD -p tcp -m mark --mark ${NO_TARGETS} -j REJECT --reject-with tcp-reset`,
      ),
      ...[4, 6].flatMap((family) => [
        `ip -${family} rule add fwmark ${NO_FLOW} table ${NO_FLOW}`,
        `ip -${family} route add unreachable default table ${NO_FLOW}`,
      ]),
    ].join('\n'),
  );
}

describeDocker('a client is refused at once', () => {
  describe.each([1, 4] as Queues[])('with %i queues', (queues) => {
    const listen = ['--queue', queues === 1 ? '2' : '0:3'];
    const command = ['flowlb', ...listen, `--notargets_fwmark=${NO_TARGETS}`, `--nolb_fwmark=${NO_FLOW}`];
    const shared = sharedSite({ mode: 'nat', queues, command }, async ({ lb }) => {
      await lb.run('nfqlb', 'init', '--shm=web');
      await lb.run('nfqlb', 'activate', '--shm=web', '1', '2', '3');
      await lb.run('nfqlb', 'flow-set', '--name=web', '--target=web', '--protocols=tcp', '--dports=80');
      await lb.run('sh', '-c', 'nfqlb up --vip="$(echo $NFQLB_VIPS | tr " " ,)" --mode=nat --queue=$NFQLB_QUEUE $NFQLB_TARGETS');
      await answerMarks(lb);
    });

    describe.each([4, 6] as Family[])('over IPv%i', (family) => {
      behaviour('when no target is active: connection refused', { behaviour: 'reject', family, queues }, async () => {
        const site = shared();
        expect(new Set(await curl(site, family, 40))).toEqual(new Set(['t1', 't2', 't3']));
        await site.lb.run('nfqlb', 'deactivate', '--shm=web', '1', '2', '3');
        const refused = await attempt(site, family, 80);
        await site.lb.run('nfqlb', 'activate', '--shm=web', '1', '2', '3');
        expect(refused).toMatchObject({ exitCode: 7, stderr: expect.stringContaining('Connection refused') });
        expect(await attempt(site, family, 80)).toMatchObject({ exitCode: 0 });
      });

      behaviour('when no flow matches: no route', { behaviour: 'reject', family, queues }, async () => {
        const refused = await attempt(shared(), family, 81);
        expect(refused).toMatchObject({ exitCode: 7, stderr: expect.stringMatching(/No route to host|Network is unreachable/) });
      });
    });
  });
});
