import { join } from 'node:path';
import type { Running } from '../processes/running.js';
import { MEMBERS, type TierNetwork } from './tier-network.js';

/** The page's, but for the times after which BIRD connects, which are chosen for networks larger than this one. */
export async function startBird(net: TierNetwork, host: 'router' | (typeof MEMBERS)[number]): Promise<Running> {
  const soon = (text: string): string =>
    text.replaceAll('hold time 3;', 'hold time 3; connect delay time 1; connect retry time 1; error wait time 1, 1; startup hold time 3;');
  const file = net.write(host === 'router' ? 'router.conf' : 'bird.conf', host, soon);
  const namespace = host === 'router' ? net.router : net.members[MEMBERS.indexOf(host)]!.host;
  return await namespace.spawn(['bird', '-f', '-c', file, '-s', join(net.folder, `${host}.ctl`)]);
}
