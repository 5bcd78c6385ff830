// Any connections, changes of targets and waits: no connection loses its target while that is in a transition, and each decision is a target that the
// table has or had.

import { Balancer } from '../balancer.js';
import { FwmarkLookup } from '../maglev/fwmark-lookup.js';
import { type Target, TargetTable } from '../maglev/target-table.js';
import { packet } from '../packet-builder/index.js';
import { Reason } from '../reason.js';
import type { FuzzInput } from '../testing/fuzz-input.js';
import type { FuzzTarget } from '../testing/fuzz-target.js';
import { isTrue, same } from '../testing/invariant.js';
import { NaiveConnections } from '../testing/naive-connections.js';
import { HASH_KEY } from '../testing/naive-fragments.js';
import { ETH_P_IP, ETH_P_IPV6 } from '../wire/ethertype.js';
import { ConnectionSet } from './connection-set.js';

const MAX_STEPS = 150;
const IDLE_S = 100;
const CLIENTS = 12;
const SYN = 0x02;
const FLAGS = [SYN, SYN, 0x10, 0x10, 0x10, 0x10, 0x11, 0x04];
const FWMARKS = [101, 102, 103, 104, 105];
const WAITS = [0, 1, 5, 9, 10, 20, 30, 61, 120];

const packets = Array.from({ length: CLIENTS }, (_, i) => {
  const ip = i % 3 === 0 ? packet().ipv6('2001:db8::2', '2001:db8::1') : packet().ipv4('10.0.0.2', '10.0.0.1');
  return new Map(FLAGS.map((flags) => [flags, ip.tcp(1000 + i, 80, { flags }).build()]));
});

const chosen = (table: TargetTable): number[] => [...table.lookup].map((slot) => (slot < 0 ? -1 : table.active[slot]!));

function some(input: FuzzInput): Target[] {
  const bits = 1 + input.below(31);
  return FWMARKS.filter((_, i) => (bits >> i) & 1)
    .slice(0, 4)
    .map((fwmark) => ({ fwmark, weight: input.pick([1, 1, 1, 2, 0]) }));
}

const target: FuzzTarget = {
  run(input) {
    const size = { M: input.pick([5, 7, 23]), N: 5 };
    const table = TargetTable.create(new ArrayBuffer(TargetTable.byteLength(size)), size);
    const options = { idle: IDLE_S, connections: 256 };
    const connections = new ConnectionSet(ConnectionSet.createMemory(options, HASH_KEY), options);
    const balancer = new Balancer(new FwmarkLookup(table, connections), { connections });
    // A second worker, which learns of changes only when its own next packet comes.
    const other = new ConnectionSet(ConnectionSet.createMemory(options, HASH_KEY), options);
    const single = new Balancer(new FwmarkLookup(table, other), { connections: other });
    table.activate([{ fwmark: 101 }, { fwmark: 102 }]);
    const model = new NaiveConnections(chosen(table), IDLE_S);
    model.change(chosen(table), table.fwmarks, 0);
    const ever = new Set([101, 102, -1]);

    const change = (apply: (drain: { now: number; seconds: number }) => void): void => {
      const seconds = input.pick([0, 10, 30]);
      apply({ now: connections.now, seconds });
      for (const fwmark of table.fwmarks) ever.add(fwmark);
      model.change(chosen(table), [...table.fwmarks, ...table.draining], seconds);
    };
    const send = (client: number, flags: number): void => {
      const octets = packets[client]!.get(flags)!;
      balancer.refresh();
      const fwmark = balancer.decide(octets, 0, octets.length, octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP);
      isTrue('a target that the table has or had', ever.has(fwmark), fwmark);
      input.note(balancer.reason * 8 + FLAGS.indexOf(flags));
      single.refresh();
      same('the same, decided alone', single.decide(octets, 0, octets.length, octets[0]! >> 4 === 6 ? ETH_P_IPV6 : ETH_P_IP), fwmark);
      const key = String(client);
      const live = model.get(key);
      if (flags === SYN) {
        const isNew = !live || live.state === 'closing' || model.now - live.lastUse > 30 || !live.remembered;
        if (!isNew) same('a repeated SYN', fwmark, live.target);
        else if (fwmark !== model.targetOf(balancer.bucket)) same('reason', balancer.reason, Reason.ConnectionKnown);
        if (fwmark < 0) model.end(key);
        else if (isNew || fwmark !== live.target) model.begin(key, balancer.bucket, fwmark);
        else live.lastUse = model.now;
      } else if (live) {
        same('its target', fwmark, live.target);
        model.use(key, flags !== 0x10);
      }
    };
    for (let steps = input.below(MAX_STEPS + 1); steps > 0 && input.left > 0; steps--) {
      const what = input.u8();
      if (what < 160) send(what % CLIENTS, FLAGS[Math.floor(what / CLIENTS) % FLAGS.length]!);
      else if (what < 190) {
        model.now += WAITS[what % WAITS.length]!;
        connections.now = other.now = model.now * 1000;
      } else if (what < 212) change((drain) => table.setTargets(some(input), drain));
      else if (what < 234) change((drain) => table.activate(some(input).slice(0, 1), drain));
      else change((drain) => table.deactivate([input.pick(FWMARKS)], drain));
    }
    const { remembered } = connections.counts;
    isTrue('as many connections as there can be', remembered <= CLIENTS, remembered);
  },
};
export default target;
