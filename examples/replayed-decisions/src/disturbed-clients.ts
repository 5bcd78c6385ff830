// `node dist/disturbed-clients.js CAPTURE FWMARK`: which clients would be disturbed if this target were lost, though theirs stays?
import { replay } from '@nfqlb/sim';

const TARGETS = [101, 102, 103, 104];

/** Clients whose packets go elsewhere without `lost`, though their target is still there, with the number of such packets. */
async function disturbedClients(capture: string, lost: number): Promise<Map<string, number>> {
  const clients = new Map<string, number>();
  const without = replay(capture, { targets: TARGETS.filter((fwmark) => fwmark !== lost).map((fwmark) => ({ fwmark })) });
  for await (const before of replay(capture, { targets: TARGETS.map((fwmark) => ({ fwmark })) })) {
    const { value: after } = await without.next();
    if (!after || before.fwmark === null || before.fwmark === lost || after.fwmark === before.fwmark) continue;
    clients.set(before.src!, (clients.get(before.src!) ?? 0) + 1);
  }
  return clients;
}

const [capture, lost] = process.argv.slice(2);
if (capture === undefined || lost === undefined) throw new Error('needs a capture, and the fwmark of a target');
const clients = await disturbedClients(capture, Number(lost));
for (const [client, packets] of [...clients].sort(([, a], [, b]) => b - a)) console.log(`${client}: ${packets} packets`);
console.log(`${clients.size} clients`);
