import { parseCidr } from '@nfqlb/core/address';
import { FwmarkLookup, TargetTable } from '@nfqlb/core/maglev';
import { packet } from '@nfqlb/core/testing';
import { expect, test } from 'vitest';
import { compileTable } from './decision/index.js';
import { Kernel } from './testing/kernel.js';

test('smoke', () => {
  const size = { M: 97, N: 4 };
  const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
  table.activate([{ fwmark: 101 }, { fwmark: 102 }]);
  const b = performance.now();
  const kernel = new Kernel(compileTable([parseCidr('10.0.0.1/32')!, parseCidr('::/0')!]), [new FwmarkLookup(table)]);
  console.log(performance.now() - b);
  console.log(kernel.decide(packet().ipv4('10.0.0.2', '10.0.0.1').tcp(1, 2).build()));
  console.log(kernel.decide(packet().ipv4('10.0.0.2', '10.0.0.3').tcp(1, 2).build()));
  console.log(kernel.decide(packet().ipv6('::2', '1::').hopByHop(16).udp(1, 2).build()));
  kernel.close();
});
