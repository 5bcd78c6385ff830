// SCTP through the load balancer's container to the targets' containers: over IP and in UDP (RFC 6951).

import { describe, expect } from 'vitest';
import { QUEUED } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeDocker } from '../testing/describe-docker.js';
import { sharedSite } from '../testing/shared-site.js';
import { VIP } from './site.js';

const ENCAP_PORT = 9899;
/** Enough to reach all three targets. The source ports are fixed, so that the targets are the same in every run. */
const ASSOCIATIONS = 30;

describeDocker('SCTP', () => {
  describe.each([1, 4] as const)('and %i queues', (queues) => {
    const shared = sharedSite({ mode: 'dsr', queues, env: { NFQLB_LB_OPTIONS: `--sctp_encap=${ENCAP_PORT}` } });

    describe.each(QUEUED.filter((one) => one.queues === queues))('over IPv$family', ({ family }) => {
      describe.each([
        ['sctp', '20$i', ''],
        ['sctp-udp', '30$i', ` ${ENCAP_PORT}`],
      ] as const)('(%s)', (row, sourcePort, udpPort) => {
        behaviour('associations are answered by all targets, each by one', { behaviour: row, family, queues }, async () => {
          const { client } = shared();
          const ask = `for i in $(seq 100 ${100 + ASSOCIATIONS - 1}); do sctp ask ${VIP[family]} 7 ${sourcePort}${udpPort}; done`;
          const answers = (await client.script(ask)).trimEnd().split('\n');
          expect(answers).toHaveLength(ASSOCIATIONS);
          expect(new Set(answers)).toEqual(new Set(['t1', 't2', 't3']));
        });
      });
    });
  });
});
