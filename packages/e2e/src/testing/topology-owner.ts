// A process with a topology that ends in various ways. lifetime.test.ts bundles and starts it.
import { writeFileSync } from 'node:fs';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';

const ending = process.argv[2];
process.stdout.write('making\n');
const net = await Topology.create({ targets: ending === 'large' ? 40 : 3 });
const table = `/dev/shm/${net.sharedMemory('table')}`;
writeFileSync(table, '');
await EchoServers.start(net);
await net.client.spawn(['tail', '-f', table]);
process.stdout.write(`made ${net.name}\n`);
if (ending === 'fail') {
  setTimeout(() => {
    throw new Error('as asked');
  });
}
if (ending === 'exit') process.exit(0);
