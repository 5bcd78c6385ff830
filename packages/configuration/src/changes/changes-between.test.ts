import { defineFlow, type FlowDefinition, type ListedFlow, listFlow } from '@nfqlb/core/flows';
import { runs } from '@nfqlb/core/testing';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Configuration, DeclaredFlow, DeclaredTable } from '../configuration.js';
import { type Change, commandsOf } from './change.js';
import { changesBetween, type Present, type PresentTable } from './changes-between.js';

/** Tables and flows in memory, changed as the commands would change them. */
class Model implements Present {
  readonly tables = new Map<string, PresentTable>();
  readonly definitions = new Map<string, FlowDefinition>();

  table = (name: string): PresentTable | undefined => this.tables.get(name);

  get flows(): ListedFlow[] {
    return [...this.definitions.values()].map((flow) => listFlow(defineFlow(flow), 7, flow.target));
  }

  make(change: Change): void {
    switch (change.kind) {
      case 'create-table':
      case 'replace-table':
        this.tables.set(change.name, change.table);
        break;
      case 'set-targets': {
        const { targets, ...table } = this.tables.get(change.name)!;
        const kept = targets.filter(({ fwmark }) => !change.deactivate.includes(fwmark));
        const others = kept.filter(({ fwmark }) => !change.activate.some((target) => target.fwmark === fwmark));
        this.tables.set(change.name, { ...table, targets: [...others, ...change.activate] });
        break;
      }
      case 'set-drain':
        this.tables.set(change.name, { ...this.tables.get(change.name)!, drain: change.drain });
        break;
      case 'define-flow':
        this.definitions.set(change.flow.name, change.flow);
        break;
      case 'delete-flow':
        this.definitions.delete(change.name);
        break;
      case 'delete-table':
        this.tables.delete(change.name);
    }
  }
}

const targets = fc
  .uniqueArray(fc.record({ fwmark: fc.integer({ min: 1, max: 6 }), weight: fc.integer({ min: 0, max: 2 }) }), {
    selector: ({ fwmark }) => fwmark,
  })
  .map((all) => all.toSorted((a, b) => a.fwmark - b.fwmark));
const table: fc.Arbitrary<DeclaredTable> = fc.record({
  M: fc.constantFrom(97, 101),
  N: fc.constant(8),
  ownFwmark: fc.constantFrom(0, 1),
  permutation: fc.constant('fwmark'),
  drain: fc.constantFrom(0, 30),
  targets,
});
const TABLES = ['a', 'b', 'c'];
const declared: fc.Arbitrary<Configuration> = fc
  .tuple(fc.dictionary(fc.constantFrom(...TABLES), table), fc.constantFrom(...TABLES))
  .chain(([tables, always]) => {
    const all = new Map(
      Object.entries({ [always]: { M: 97, N: 8, ownFwmark: 0, permutation: 'fwmark', drain: 0, targets: [] } as DeclaredTable, ...tables }),
    );
    const flow: fc.Arbitrary<DeclaredFlow> = fc.record({
      name: fc.constantFrom('f', 'g', 'h', 'i'),
      target: fc.constantFrom(...all.keys()),
      priority: fc.constantFrom(0, 1),
      dsts: fc.constantFrom('', '10.0.0.0/8,1000::/64'),
      dports: fc.constantFrom('', '80', '80-90,443'),
      place: fc.constant('f:1:1'),
    });
    return fc.uniqueArray(flow, { selector: ({ name }) => name }).map((flows) => ({ tables: all, flows }));
  });

const byName = (a: readonly unknown[], b: readonly unknown[]): number => (String(a[0]) < String(b[0]) ? -1 : 1);
const settled = ({ tables, flows }: Configuration): unknown => [
  [...tables!].map(([name, { ...table }]) => [name, table]).toSorted(byName),
  flows!.map(({ place: _, ...flow }) => listFlow(defineFlow(flow), 7, flow.target)).toSorted((a, b) => (a.name < b.name ? -1 : 1)),
];
const stateOf = (model: Model, names: Iterable<string>): unknown => [
  [...names]
    .map((name) => [name, { ...model.table(name), targets: model.table(name)!.targets.toSorted((a, b) => a.fwmark - b.fwmark) }] as const)
    .toSorted(byName),
  model.flows.toSorted((a, b) => (a.name < b.name ? -1 : 1)),
];

test('from any state, the changes lead to the declared state, and then there are no more', () => {
  fc.assert(
    fc.property(fc.array(declared, { minLength: 1, maxLength: 4 }), (configurations) => {
      const model = new Model();
      for (const configuration of configurations) {
        for (const change of changesBetween(model, configuration)) model.make(change);
        expect(stateOf(model, configuration.tables!.keys())).toEqual(settled(configuration));
        expect(changesBetween(model, configuration)).toEqual([]);
      }
    }),
    { numRuns: runs(500) },
  );
});

const TABLE: DeclaredTable = { M: 997, N: 32, ownFwmark: 0, permutation: 'fwmark', drain: 0, targets: [{ fwmark: 101, weight: 1 }] };
const web: DeclaredFlow = { name: 'web', target: 'web', dports: '80', place: 'f:2:3' };

describe('the fewest changes, as commands', () => {
  const model = new Model();
  model.tables.set('web', {
    ...TABLE,
    targets: [
      { fwmark: 101, weight: 1 },
      { fwmark: 102, weight: 1 },
      { fwmark: 103, weight: 1 },
    ],
  });
  model.tables.set('old', TABLE);
  model.tables.set('foreign', TABLE);
  model.definitions.set('web', { name: 'web', target: 'web', dports: '80' });
  model.definitions.set('old', { name: 'old', target: 'old' });
  const commands = (configuration: Partial<Configuration>): string[] =>
    changesBetween(model, { tables: undefined, flows: undefined, ...configuration }).flatMap(commandsOf);

  test('targets that are removed, added, or get another weight', () => {
    const three = [
      { fwmark: 101, weight: 1 },
      { fwmark: 102, weight: 3 },
      { fwmark: 104, weight: 1 },
      { fwmark: 105, weight: 3 },
    ];
    expect(commands({ tables: new Map([['web', { ...TABLE, targets: three }]]) })).toEqual([
      'deactivate --shm=web 103',
      'activate --shm=web --weight=3 102 105',
      'activate --shm=web 104',
    ]);
  });

  test('a table of another size is a new table', () => {
    expect(commands({ tables: new Map([['web', { ...TABLE, M: 101, permutation: 'nfqlb', ownFwmark: 5 }]]) })).toEqual([
      'init --shm=web --M=101 --N=32 --ownfw=5 --permutation=nfqlb',
      'activate --shm=web 101',
    ]);
  });

  test('a table with another hash is a new table', () => {
    const keyed = { ...TABLE, hash: 'siphash:/etc/hash.key', hashKey: [1, 2] as const };
    expect(commands({ tables: new Map([['web', keyed]]) })[0]).toBe('init --shm=web --M=997 --N=32 --hash=siphash:/etc/hash.key');
    const keyedModel = new Model();
    keyedModel.tables.set('web', { ...TABLE, hashKey: [1, 2] });
    const kinds = (table: DeclaredTable): string[] =>
      changesBetween(keyedModel, { tables: new Map([['web', table]]), flows: undefined }).map(({ kind }) => kind);
    expect(kinds(keyed)).toEqual([]);
    for (const other of [TABLE, { ...keyed, hashKey: [1, 3] as const }]) expect(kinds(other)).toEqual(['replace-table']);
  });

  test('how long connections keep their former target: for later changes, or for this one', () => {
    const two = { ...TABLE, targets: [{ fwmark: 102, weight: 1 }], drain: 30 };
    expect(commands({ tables: new Map([['old', two]]) })).toEqual([
      'init --if-absent --shm=old --drain=30',
      'deactivate --shm=old 101',
      'activate --shm=old 102',
    ]);
    const [, change] = changesBetween(model, { tables: new Map([['old', two]]), flows: undefined });
    expect(commandsOf({ ...change!, drain: 0 } as Change)).toEqual([
      'deactivate --shm=old --drain=0 101',
      'activate --shm=old --drain=0 102',
    ]);
    expect(commands({ tables: new Map([['new', two]]) })[0]).toBe('init --shm=new --M=997 --N=32 --drain=30');
  });

  test('M is lowered to a prime, as init does it', () => {
    expect(commands({ tables: new Map([['old', { ...TABLE, M: 1000 }]]) })).toEqual([]);
  });

  test('undeclared flows are deleted, and the tables that only they led to', () => {
    expect(commands({ tables: new Map(), flows: [web] })).toEqual(['flow-delete --name=old', 'delete --shm=old']);
    expect(commands({ flows: [web] })).toEqual(['flow-delete --name=old']);
    expect(commands({ tables: new Map() })).toEqual([]);
  });

  test('text that a shell would misread is quoted', () => {
    const flow = { ...web, priority: 3, match: 'tcp[12:2] & 0x02 = 2', place: 'f:1:1' };
    expect(commands({ flows: [flow, { name: 'old', target: 'old', place: 'f:1:1' }] })).toEqual([
      "flow-set --name=web --target=web --prio=3 --dports=80 --match='tcp[12:2] & 0x02 = 2'",
    ]);
  });

  test('a flow to a missing table', () => {
    expect(() => commands({ flows: [{ ...web, target: 'none' }] })).toThrow(
      'f:2:3: flow web: there is no table none, neither under tables nor in shared memory',
    );
  });
});
