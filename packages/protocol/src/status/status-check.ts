// Checks a status before it is used: any program may listen at a load balancer's address, and another version of this one may use another format.

import { STATUS_FORMAT, type Status } from './status.js';

/** What a value must be: a type, a list, an object with these fields (others are ignored), or an object with arbitrary fields. */
type Shape = 'number' | 'string' | 'boolean' | readonly [Shape] | { readonly [field: string]: Shape } | Optional | AnyFields;

class Optional {
  readonly shape: Shape;

  constructor(shape: Shape) {
    this.shape = shape;
  }
}

class AnyFields {
  readonly shape: Shape;

  constructor(shape: Shape) {
    this.shape = shape;
  }
}

const COUNT = { packets: 'number', octets: 'number' } as const;
const HISTOGRAM = { buckets: ['number'], sum: 'number' } as const;

const COUNTS: Shape = {
  packets: 'number',
  batches: 'number',
  accepted: ['number'],
  dropped: ['number'],
  acceptedOctets: ['number'],
  droppedOctets: ['number'],
  reinjected: 'number',
  notReinjected: 'number',
  verdictErrors: 'number',
  turns: 'number',
  batchSizes: HISTOGRAM,
  turnTimes: HISTOGRAM,
};

const TARGET_HEALTH: Shape = {
  fwmark: 'number',
  addresses: ['string'],
  state: 'string',
  reason: 'string',
  lately: 'string',
  trouble: 'string',
  used: 'boolean',
  since: 'number',
  checks: { passed: 'number', failed: 'number', downs: 'number' },
};

const STATUS: Shape = {
  version: 'string',
  command: 'string',
  pid: 'number',
  uptime: 'number',
  problems: ['string'],
  privileges: new Optional({ capabilities: ['string'], unneeded: ['string'], mayGain: 'boolean' }),
  announcement: new Optional({ drained: 'boolean', vips: [{ vip: 'string', announced: 'boolean', why: 'string' }] }),
  tier: new Optional([{ member: 'string', silence: 'string', differences: ['string'], seconds: 'number' }]),
  degradations: new Optional([{ subject: 'string', problems: ['string'], seconds: 'number' }]),
  file: new Optional('string'),
  keepsSetUp: new Optional('boolean'),
  health: new Optional([{ name: 'string', panic: 'boolean', targets: [TARGET_HEALTH] }]),
  queues: [
    {
      queue: 'number',
      length: 'number',
      bound: 'boolean',
      waiting: 'number',
      queueDropped: 'number',
      socketDropped: 'number',
      sinceDrop: new Optional('number'),
      stalled: 'number',
      counts: COUNTS,
    },
  ],
  options: new Optional({
    table: new Optional('string'),
    flowAddress: new Optional('string'),
    tier: new Optional('string'),
    hashMode: 'number',
    noTargetsFwmark: 'number',
    noFlowFwmark: 'number',
    promiscuousPing: 'boolean',
    udpEncapPort: 'number',
    tun: new Optional('string'),
    mtu: 'number',
    drainsOthers: new Optional('boolean'),
  }),
  targets: [{ ...COUNT, fwmark: 'number', active: 'boolean' }],
  otherTargets: COUNT,
  flows: new Optional([{ ...COUNT, name: 'string', target: 'string' }]),
  flowChanges: new Optional('number'),
  flowsDigest: new Optional('number'),
  fastPath: new Optional({
    trouble: new Optional('string'),
    vips: ['string'],
    interfaces: [{ name: 'string', state: 'string', by: new Optional('string'), problem: new Optional('string') }],
    memory: 'number',
    reasons: [COUNT],
    unfit: [{ name: 'string', why: 'string' }],
  }),
  tables: [
    {
      name: 'string',
      present: 'boolean',
      buckets: 'number',
      targets: 'number',
      changes: new Optional('number'),
      inTransition: new Optional('number'),
      draining: new Optional(['number']),
      digest: new Optional('number'),
    },
  ],
  connections: new Optional({ remembered: 'number', begun: 'number', learned: 'number', refused: 'number' }),
  fragments: new AnyFields('number'),
};

/** The first invalid field, as in `queues.0.counts`; `undefined` if the value is a status. */
export function faultIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || (value as Partial<Status>).format !== STATUS_FORMAT) return 'format';
  // Each has at least one queue.
  return fault(value, STATUS, '') ?? ((value as Status).queues.length === 0 ? 'queues' : undefined);
}

function fault(value: unknown, shape: Shape, where: string): string | undefined {
  if (shape instanceof Optional) return value === undefined ? undefined : fault(value, shape.shape, where);
  // JSON has only these types, and no infinite numbers.
  if (typeof shape === 'string') return typeof value === shape ? undefined : where;
  if (typeof value !== 'object' || value === null || Array.isArray(value) !== Array.isArray(shape)) return where;
  const at = (field: string | number): string => (where === '' ? `${field}` : `${where}.${field}`);
  if (isList(shape)) return firstFault((value as unknown[]).map((member, i) => [member, shape[0], at(i)]));
  if (shape instanceof AnyFields) return firstFault(Object.entries(value).map(([field, member]) => [member, shape.shape, at(field)]));
  return firstFault(Object.entries(shape).map(([field, of]) => [(value as Record<string, unknown>)[field], of, at(field)]));
}

function firstFault(parts: readonly (readonly [unknown, Shape, string])[]): string | undefined {
  for (const [value, shape, where] of parts) {
    const found = fault(value, shape, where);
    if (found !== undefined) return found;
  }
  return undefined;
}

function isList(shape: Shape): shape is readonly [Shape] {
  return Array.isArray(shape);
}
