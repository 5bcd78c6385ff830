import { parseConfiguration } from '@nfqlb/configuration';
import type { Entry } from '@nfqlb/discovery';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { withFound } from './with-found.js';

const SOURCE = { dns: { name: 'a.test', type: 'SRV' } };
const web = { mode: 'dsr', vips: ['10.0.0.1/32'], fwmarks: '1000-1255', discover: SOURCE };
const entry = (addresses: string | readonly string[], more: Partial<Entry> = {}): Entry => {
  const all = [addresses].flat();
  return { name: all[0]!, addresses: all, weight: 1, drain: false, ...more };
};

function found(tables: object, entries: Readonly<Record<string, readonly Entry[]>>) {
  const configuration = parseConfiguration(JSON.stringify({ tables }), 'f');
  const answers = new Map(Object.entries(entries).map(([table, all]) => [table, { entries: all, problems: [] }]));
  const { configuration: complete, problems } = withFound(configuration, answers, (address) => address === '192.168.1.254');
  const shown = new Map(
    [...complete.tables!].map(([name, { targets, members = [] }]) => [
      name,
      members.map(({ fwmark, addresses, weight, maintenance }) => {
        expect(targets.some((target) => target.fwmark === fwmark && target.weight === weight)).toBe(!maintenance);
        return `${fwmark} ${addresses.join(' ')} ${weight}${maintenance ? ' drain' : ''}`;
      }),
    ]),
  );
  return { shown, problems };
}

describe('targets that are found', () => {
  test('come to those in the file, with fwmarks by their addresses', () => {
    const { shown, problems } = found(
      { web: { ...web, targets: [{ fwmark: 1, address: '192.168.1.1' }] } },
      { web: [entry('192.168.1.7', { weight: 3 }), entry('192.168.1.2', { drain: true }), entry('192.168.1.1')] },
    );
    // 192.168.1.1 is in the file already.
    expect(shown.get('web')).toEqual(['1 192.168.1.1 1', '1002 192.168.1.2 1 drain', '1007 192.168.1.7 3'].toSorted());
    expect(problems).toEqual([]);
  });

  test('have addresses of the families that have VIPs, and no others', () => {
    const both = { ...web, vips: ['10.0.0.1/32', '1000::1/128'] };
    const entries = [entry(['192.168.1.1', 'fd00::1'], { name: 'one' }), entry('192.168.1.2', { name: 'two' })];
    expect(found({ web }, { web: entries }).shown.get('web')).toEqual(['1001 192.168.1.1 1', '1002 192.168.1.2 1']);
    const { shown, problems } = found({ web: both }, { web: entries });
    expect(shown.get('web')).toEqual(['1001 192.168.1.1 fd00::1 1']);
    expect(problems).toEqual(['table web: DNS a.test SRV: two: it has no IPv6 address, but a VIP of the table is IPv6: it is left out']);
  });

  test.each([
    [entry('10.0.0.1'), '10.0.0.1 is in a VIP'],
    [entry('192.168.1.254'), '192.168.1.254 is an address of this machine'],
    [entry('192.168.1.1', { name: 'z' }), '192.168.1.1 is the address of 192.168.1.1, too'],
    [entry('fd00::1'), 'it has no IPv4 address, but a VIP of the table is IPv4'],
  ])('that cannot be used are left out: %j', (bad, problem) => {
    const { shown, problems } = found({ web }, { web: [bad, entry('192.168.1.1')] });
    expect(shown.get('web')).toEqual(['1001 192.168.1.1 1']);
    expect(problems).toEqual([`table web: DNS a.test SRV: ${bad.name}: ${problem}: it is left out`]);
  });

  test('in several tables have one fwmark', () => {
    const dns = { ...web, vips: ['10.0.0.2/32'] };
    const entries = [entry('192.168.1.1'), entry('192.168.2.1')];
    const { shown } = found({ web, dns }, { web: entries, dns: entries.toReversed() });
    expect(shown.get('web')).toHaveLength(2);
    expect(shown.get('dns')).toEqual(shown.get('web'));
    // That of the file, if the file has the address.
    const declared = { mode: 'dsr', vips: ['10.0.0.3/32'], targets: [{ fwmark: 7, address: '192.168.1.1' }] };
    expect(found({ web, declared }, { web: [entry('192.168.1.1')] }).shown.get('web')).toEqual(['7 192.168.1.1 1']);
    const other = { ...dns, fwmarks: '2000-2255' };
    const { shown: apart, problems } = found(
      { web, other },
      { web: [entry('192.168.1.1')], other: [entry('192.168.1.1'), entry('192.168.1.2')] },
    );
    expect(apart.get('other')).toEqual(['2002 192.168.1.2 1']);
    expect(problems).toEqual([
      'table other: 192.168.1.1: 192.168.1.1 has fwmark 1001 in another table: it is left out; give both tables the same fwmarks',
    ]);
  });

  test('are no more than the table has slots, and the same everywhere', () => {
    const entries = Array.from({ length: 10 }, (_, i) => entry(`192.168.1.${i + 1}`));
    const { shown, problems } = found({ web: { ...web, N: 4 } }, { web: entries });
    expect(shown.get('web')).toHaveLength(4);
    expect(found({ web: { ...web, N: 4 } }, { web: entries.toReversed() }).shown).toEqual(shown);
    expect(problems).toEqual(['table web: 10 targets are found, and it has 4 slots for them: 6 are left out; raise N']);
    expect(found({ web: { ...web, fwmarks: '1-9' } }, { web: entries }).problems).toHaveLength(1);
  });

  test('make the same tables in whatever order they come', () => {
    const host = fc.nat(400).map((n) => `192.168.${n >> 8}.${n & 255}`);
    const entries = fc.array(
      fc.record({ name: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f'), addresses: fc.tuple(host), weight: fc.nat(3), drain: fc.boolean() }),
      { maxLength: 12 },
    );
    const shuffled = entries.chain((all) => {
      const named = all.map((one, i) => ({ ...one, name: `${one.name}${i}` }));
      return fc.tuple(fc.constant(named), fc.shuffledSubarray(named, { minLength: named.length }));
    });
    fc.assert(
      fc.property(shuffled, ([all, other]) => {
        const tables = { web: { ...web, N: 8, fwmarks: '1000-1030' } };
        expect(found(tables, { web: other })).toEqual(found(tables, { web: all }));
      }),
    );
  });
});
