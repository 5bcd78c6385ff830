// The example in examples/custom-balancer on a real queue. The fwmarks are predicted without its code and without core's hash.

import { fileURLToPath } from 'node:url';
import { packet } from '@nfqlb/core/packet-builder';
import { expect, test } from 'vitest';
import type { Program } from '../load-balancer/program.js';
import { fwmarks, type ShownTable } from '../load-balancer/shown-table.js';
import { nfqlb } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { marksGivenTo, type Numbered } from '../traffic/given-marks.js';

const BUILT = fileURLToPath(new URL('../../../../examples/custom-balancer/dist/by-source-network.js', import.meta.url));
const EXAMPLE: Program = { name: 'custom-balancer', command: [process.execPath, BUILT] };

interface FromNetwork extends Numbered {
  /** The network's 16 octets: IPv4 as ::ffff:a.b.c.0. */
  readonly network: readonly number[];
}

/** Packets of all kinds from 20 networks of each family, several from each. */
function packetsFrom(net: Topology): FromNetwork[] {
  const packets: FromNetwork[] = [];
  for (let i = 0; i < 20; i++) {
    for (const host of [1, 77, 250]) {
      const number = packets.length + 1;
      const from = packet().ipv4(`10.2.${i}.${host}`, net.vip4, { id: number });
      const back = packet().ipv4(net.vip4, `10.2.${i}.${host}`).tcp(80, 4000).build();
      const made = [
        from.tcp(4000 + host, 80),
        from.udp(4000 + host, 5001),
        from.sctp(4000 + host, 6000),
        from.icmpEcho(host),
        // Neither the first fragment nor any state is needed.
        from.fragment({ id: number, offset: 64, more: true }).payload(64),
        // From a router elsewhere, about the client's connection.
        packet().ipv4('10.2.200.9', net.vip4, { id: number }).icmpError(11, 0, back),
      ][(i + host) % 6]!;
      packets.push({ family: 4, number, bytes: made.build(), network: [...Array(10).fill(0), 255, 255, 10, 2, i, 0] });
    }
  }
  for (let i = 0; i < 20; i++) {
    for (const host of ['1', '4d', 'fa:1']) {
      const number = packets.length - 59;
      const bytes = packet()
        .ipv6(`fd00:2:0:${i.toString(16)}::${host}`, net.vip6)
        .udp(4000 + number, 5001)
        .build();
      // The hop limit is the number.
      bytes[7] = number;
      packets.push({ family: 6, number, bytes, network: [0xfd, 0, 0, 2, 0, 0, 0, i, ...Array(8).fill(0)] });
    }
  }
  return packets;
}

/** D. J. Bernstein's hash of a network, padded with zeros to the 40 octets of a key. */
function hashOf(network: readonly number[]): number {
  const key = [...network, ...Array<number>(24).fill(0)];
  return Number(key.reduce((hash, octet) => (hash * 33n + BigInt(octet)) & 0xffffffffn, 5381n));
}

describeLive(
  'the example of a custom balancer',
  () => {
    test('sends each client network to the target that its hash predicts, also after a target went', async () => {
      await using net = await Topology.create({ targets: 3 });
      const table = net.sharedMemory('custom');
      await nfqlb(net.lb, 'init', `--shm=${table}`);
      await nfqlb(net.lb, 'activate', `--shm=${table}`, '101', '102', '103');
      await net.lb.queue('2');
      await using example = await net.lb.spawn([...EXAMPLE.command, table, '2']);
      await example.waitForOutput(/^queue 2, table /m);

      const packets = packetsFrom(net);
      const predicted = async (): Promise<(number | undefined)[]> => {
        const shown = JSON.parse(await nfqlb(net.lb, 'show', '--json', `--shm=${table}`)) as ShownTable;
        const marks = fwmarks(shown);
        return packets.map(({ network }) => marks[hashOf(network) % shown.M]);
      };
      const before = await predicted();
      expect(new Set(before)).toEqual(new Set([101, 102, 103]));
      expect(await marksGivenTo(net, packets)).toEqual(before);

      await nfqlb(net.lb, 'deactivate', `--shm=${table}`, '102');
      const after = await predicted();
      expect(new Set(after)).toEqual(new Set([101, 103]));
      await net.lb.run(['nft', 'delete', 'table', 'inet', 'marks']);
      expect(await marksGivenTo(net, packets)).toEqual(after);

      expect(await example.stop()).toEqual({ status: 0, signal: null });
    });

    test('drops packets while no target is active', async () => {
      await using net = await Topology.create({ targets: 1 });
      const table = net.sharedMemory('custom');
      await nfqlb(net.lb, 'init', `--shm=${table}`);
      await net.lb.queue('2');
      await using example = await net.lb.spawn([...EXAMPLE.command, table, '2']);
      await example.waitForOutput(/^queue 2, table /m);
      // Pings wait for no answer, and get none; the kernel’s list shows that the queue took all three.
      await net.client.run(['ping', '-c', '3', '-i', '0.1', '-W', '1', net.vip4]).then(
        () => expect.unreachable('an answer without a target'),
        () => {},
      );
      const [line = ''] = (await net.lb.run(['cat', '/proc/net/netfilter/nfnetlink_queue'])).split('\n');
      // Number, port, waiting, copy mode, range, dropped (twice), id of the last packet.
      expect(
        line
          .trim()
          .split(/\s+/)
          .map(Number)
          .filter((_, i) => [2, 5, 6, 7].includes(i)),
      ).toEqual([0, 0, 0, 3]);
      expect(await net.lb.astray()).toBe(0);
    });
  },
  EXAMPLE,
);
