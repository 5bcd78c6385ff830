import type { Configuration, DeclaredMember, DeclaredService } from '@nfqlb/configuration';
import { isIpv4, parseCidr, parseIpAddress } from '@nfqlb/core/address';
import type { QueueRange } from '@nfqlb/options';
import { FAMILIES, type SetUp, type SetUpTarget } from '@nfqlb/setup';

/** What is the same for all tables. */
export interface SetUpChoice {
  /** All queues of the load balancer. */
  readonly queue: QueueRange;
  /** The first or last of them, if it is for fragments alone. */
  readonly fragmentQueue?: number | undefined;
  /** Whether packets of programs on this machine are meant, instead of those that pass through. */
  readonly local?: boolean;
  /** Whether the kernel decides before the queue. */
  readonly fast: boolean;
}

/** What leads packets to VIPs to the queue and from there to targets: by table, for those that have VIPs. */
export function declaredSetUps({ tables = new Map() }: Configuration, choice: SetUpChoice): Map<string, SetUp> {
  const all = [...(tables as NonNullable<Configuration['tables']>)];
  return new Map(all.flatMap(([name, { service, members = [] }]) => (service ? [[name, setUpOf(service, members, choice)] as const] : [])));
}

/** The configuration has been checked: each target has an address of each family that has VIPs. */
function setUpOf(
  { vips, mode, keepSource, synOnly }: DeclaredService,
  members: readonly DeclaredMember[],
  { queue, fragmentQueue, local = false, fast }: SetUpChoice,
): SetUp {
  const isFour = (text: string): boolean => isIpv4(parseCidr(text)?.network ?? parseIpAddress(text)!);
  return {
    vips: { 4: vips.filter(isFour), 6: vips.filter((vip) => !isFour(vip)) },
    targets: members.map(({ fwmark, addresses }) => {
      const [four, six] = [addresses.find(isFour), addresses.find((address) => !isFour(address))];
      return { fwmark, addresses: { ...(four !== undefined && { 4: four }), ...(six !== undefined && { 6: six }) } };
    }),
    mode,
    queue: withoutQueue(queue, fragmentQueue),
    // Translated packets and those of this machine are whole.
    ...(mode === 'dsr' && !local && fragmentQueue !== undefined && { fragmentQueue }),
    traffic: local ? 'local' : 'forward',
    keepSource,
    synOnly,
    fast,
  };
}

function withoutQueue({ first, last }: QueueRange, fragmentQueue: number | undefined): QueueRange {
  return { first: first === fragmentQueue ? first + 1 : first, last: last === fragmentQueue ? last - 1 : last };
}

/**
 * Adds what was declared until now and is no longer: the way to former targets, for packets that are under way and connections that may stay; and
 * former VIPs, whose packets find the way that they have found before. A fwmark that leads to another target now leads there at once.
 */
export function withFormer(declared: ReadonlyMap<string, SetUp>, former: ReadonlyMap<string, SetUp>): Map<string, SetUp> {
  const all = [...declared.values()].flatMap(({ targets }) => targets);
  const leadsElsewhere = ({ fwmark, addresses }: SetUpTarget): boolean =>
    all.some((other) => other.fwmark === fwmark && FAMILIES.some((family) => differ(other.addresses[family], addresses[family])));
  const names = new Set([...declared.keys(), ...former.keys()]);
  return new Map(
    Array.from(names, (name) => {
      const [now, before] = [declared.get(name), former.get(name)];
      if (!before || (now && now.mode !== before.mode)) return [name, now!];
      const gone = before.targets.filter(({ fwmark }) => !now?.targets.some((target) => target.fwmark === fwmark));
      const rest = { ...before, targets: gone.filter((target) => !leadsElsewhere(target)) };
      return [name, now ? together(now, rest) : rest];
    }),
  );
}

/** An address that is not given is not another one. */
function differ(a: string | undefined, b: string | undefined): boolean {
  return a !== undefined && b !== undefined && a !== b;
}

/** Only of the families that have VIPs now: targets need no address of others. */
function together(now: SetUp, before: SetUp): SetUp {
  const used = FAMILIES.filter((family) => now.vips[family].length > 0);
  const vips = { ...now.vips };
  for (const family of used) vips[family] = [...new Set([...now.vips[family], ...before.vips[family]])];
  const reachable = before.targets.filter(({ addresses }) => used.every((family) => addresses[family] !== undefined));
  return { ...now, vips, targets: [...now.targets, ...reachable] };
}

/** Whether two set-ups are the same. */
export function isSame(a: readonly SetUp[], b: readonly SetUp[]): boolean {
  return JSON.stringify(a) === JSON.stringify(b);
}
