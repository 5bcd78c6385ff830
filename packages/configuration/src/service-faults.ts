import { type Cidr, cidrContains, formatCidr, formatIpAddress, isIpv4, parseCidr, parseIpAddress } from '@nfqlb/core/address';
import type { Surroundings } from './configuration.js';
import { fieldsOf, nameOf } from './cross-references.js';
import type { Issue } from './issue.js';

type Path = readonly PropertyKey[];
type Place<T> = { readonly path: Path } & T;

/** A table as written, as far as it can be read. */
interface Service {
  readonly path: Path;
  readonly name: string;
  readonly fields: Readonly<Record<string, unknown>>;
  readonly vips: readonly Place<{ readonly cidr: Cidr; readonly text: string }>[];
  readonly members: readonly Member[];
}

/** A target in a list. */
interface Member {
  readonly path: Path;
  readonly fwmark: unknown;
  readonly given: boolean;
  readonly addresses: readonly Place<{ readonly address: Uint8Array; readonly text: string }>[];
}

/**
 * What is wrong between VIPs, modes and targets, each of which may be right by itself. The document may have other faults: what cannot be read is
 * passed over.
 */
export function serviceFaults(document: unknown, { isOwnAddress }: Surroundings): Issue[] {
  const { tables, flows } = fieldsOf(document);
  const services = Object.entries(fieldsOf(tables)).map(([name, table]) => serviceOf(name, fieldsOf(table)));
  const vips = services.flatMap((service) => service.vips);
  return [
    ...services.flatMap((service) => [
      ...modeFaults(service),
      ...repeatedFwmarks(service),
      ...service.members.flatMap((member) => familyFaults(member, service)),
    ]),
    ...sharedVips(services),
    ...ownFlowFaults(services, Array.isArray(flows) ? flows.map(fieldsOf) : []),
    ...addressFaults(services, vips, isOwnAddress),
  ];
}

function serviceOf(name: string, fields: Readonly<Record<string, unknown>>): Service {
  const path = ['tables', name];
  const { vips, targets } = fields;
  return {
    path,
    name: nameOf(name),
    fields,
    vips: members(vips, [...path, 'vips']).flatMap(({ path: at, text }) => {
      const cidr = parseCidr(text);
      return cidr ? [{ path: at, cidr, text: formatCidr(cidr) }] : [];
    }),
    members: (Array.isArray(targets) ? targets : []).map((target, i): Member => {
      const at = [...path, 'targets', i];
      const { fwmark, address } = fieldsOf(target);
      const addresses = members(address, [...at, 'address']).flatMap(({ path: place, text }) => {
        const octets = parseIpAddress(text);
        return octets ? [{ path: place, address: octets, text: formatIpAddress(octets) }] : [];
      });
      return { path: at, fwmark, given: address !== undefined, addresses };
    }),
  };
}

function members(value: unknown, path: Path): Place<{ readonly text: string }>[] {
  if (typeof value === 'string') return [{ path, text: value }];
  return (Array.isArray(value) ? value : []).flatMap((text, i) => (typeof text === 'string' ? [{ path: [...path, i], text }] : []));
}

function modeFaults({ path, name, fields, members: targets }: Service): Issue[] {
  const { vips, mode } = fields;
  const of = (key: string, problem: string): Issue => ({ path: [...path, key], key: true, problem });
  const onlyNat = (['keep-source', 'syn-only'] as const).filter((key) => fields[key] === true && mode !== 'nat');
  const isListed = Array.isArray(fields.targets) || fields.targets === undefined;
  const without = vips === undefined ? [] : targets.filter(({ given }) => !given);
  return [
    ...(vips !== undefined && mode === undefined
      ? [of('vips', `table ${name} has vips and needs a mode: dsr (targets have the VIP, too) or nat (it is translated to their address)`)]
      : []),
    ...(mode !== undefined && vips === undefined ? [of('mode', `table ${name} has a mode and needs vips: [10.0.0.1/32]`)] : []),
    ...(fields.announce === true && vips === undefined ? [of('announce', `table ${name} has no vips that could be announced`)] : []),
    ...onlyNat.map((key) => of(key, `${key}: needs mode nat`)),
    ...(vips !== undefined && !isListed
      ? [of('targets', `table ${name} has vips and needs its targets’ addresses: targets: [{ fwmark: 101, address: 192.168.1.1 }]`)]
      : []),
    ...without.map((target) => ({ path: target.path, key: false, problem: `fwmark ${String(target.fwmark)}: address must be given` })),
  ];
}

function repeatedFwmarks({ members: targets }: Service): Issue[] {
  return targets.flatMap(({ path, fwmark }, i): Issue[] => {
    const isTaken = fwmark !== undefined && targets.findIndex((other) => other.fwmark === fwmark) < i;
    return isTaken
      ? [{ path: [...path, 'fwmark'], key: false, problem: `fwmark ${String(fwmark)}: another target of the table has it` }]
      : [];
  });
}

/** A target must be reachable over each family that has VIPs, and needs no more. */
function familyFaults({ path, fwmark, given, addresses }: Member, { fields, vips }: Service): Issue[] {
  const who = `fwmark ${String(fwmark)}`;
  const twice = addresses.filter(({ address }, i) => addresses.findIndex((other) => isIpv4(other.address) === isIpv4(address)) < i);
  const faults = twice.map(({ path: at, address, text }) => {
    return { path: at, key: false, problem: `${who} has two IPv${isIpv4(address) ? 4 : 6} addresses; ${text} is one too many` };
  });
  if (fields.vips === undefined || !given || addresses.length === 0) return faults;
  for (const four of [true, false]) {
    const vip = vips.find(({ cidr }) => isIpv4(cidr.network) === four);
    const own = addresses.find(({ address }) => isIpv4(address) === four);
    const family = four ? 'IPv4' : 'IPv6';
    if (vip && !own)
      faults.push({
        path: [...path, 'address'],
        key: false,
        problem: `${who} has no ${family} address, but the VIP ${vip.text} is ${family}`,
      });
    if (!vip && own)
      faults.push({ path: own.path, key: false, problem: `${who}: ${own.text} is an ${family} address, but no VIP of the table is` });
  }
  return faults;
}

/** A VIP may be in several tables, which flows choose from, but is treated in one way. */
function sharedVips(services: readonly Service[]): Issue[] {
  const all = services.flatMap(({ name, fields, vips }) => vips.map((vip) => ({ ...vip, name, mode: fields.mode })));
  return all.flatMap(({ path, text, name, mode }, i): Issue[] => {
    const other = all.slice(0, i).find((earlier) => earlier.text === text);
    if (!other) return [];
    if (other.name === name) return [{ path, key: false, problem: `VIP ${text} is listed twice` }];
    if (other.mode === mode || other.mode === undefined || mode === undefined) return [];
    return [{ path, key: false, problem: `VIP ${text} has mode ${String(other.mode)} in table ${other.name}; a VIP can have one mode` }];
  });
}

/** A table with VIPs and without a flow gets one of its name, for all packets to its VIPs. */
function ownFlowFaults(services: readonly Service[], flows: readonly Readonly<Record<string, unknown>>[]): Issue[] {
  const led = new Set(flows.flatMap(({ target }) => (typeof target === 'string' ? [nameOf(target)] : [])));
  const names = new Set(flows.map(({ name }) => name));
  const without = services.filter(({ name, vips }) => vips.length > 0 && !led.has(name));
  return without.flatMap(({ path, name, vips }, i): Issue[] => {
    const rivals = without.slice(0, i).flatMap((other) => other.vips.map(({ text }) => ({ text, name: other.name })));
    const both = vips.flatMap((vip) => rivals.filter(({ text }) => text === vip.text).map((rival) => ({ ...rival, path: vip.path })));
    return [
      ...both.map(({ path: at, text, name: other }) => ({
        path: at,
        key: false,
        problem: `VIP ${text} is also in table ${other}: flows must say which packets go by ${name} and which by ${other}`,
      })),
      ...(names.has(name)
        ? [{ path, key: true, problem: `no flow leads to table ${name}, and a flow of that name leads elsewhere; it needs a flow` }]
        : []),
      ...(/^[A-Za-z0-9+_-]+$/.test(name)
        ? []
        : [{ path, key: true, problem: `no flow leads to table ${name}, whose name is not one that a flow can have; it needs a flow` }]),
    ];
  });
}

/** An address belongs to one fwmark, and a fwmark to one machine, in all tables. */
function addressFaults(services: readonly Service[], vips: Service['vips'], isOwnAddress: Surroundings['isOwnAddress']): Issue[] {
  const all = services.flatMap(({ name, members: targets }) =>
    targets.flatMap(({ fwmark, addresses }) => addresses.map((one) => ({ ...one, fwmark, table: name }))),
  );
  return all.flatMap(({ path, address, text, fwmark, table }, i): Issue[] => {
    const who = `fwmark ${String(fwmark)}: ${text}`;
    const earlier = all.slice(0, i);
    const used = earlier.find((other) => other.text === text && other.fwmark !== fwmark);
    const other = earlier.find(
      (one) => one.table !== table && one.fwmark === fwmark && isIpv4(one.address) === isIpv4(address) && one.text !== text,
    );
    const inside = vips.find(({ cidr }) => cidrContains(cidr, address));
    const problems = [
      ...(used ? [`${who} is the address of fwmark ${String(used.fwmark)} already`] : []),
      ...(other ? [`${who}: in table ${other.table} this fwmark has the address ${other.text}; a fwmark leads to one target`] : []),
      ...(inside ? [`${who} is in the VIP ${inside.text}: packets to it would be load-balanced, too`] : []),
      ...(isOwnAddress?.(text) ? [`${who} is an address of this machine; a target must be another one`] : []),
    ];
    return problems.map((problem) => ({ path, key: false, problem }));
  });
}
