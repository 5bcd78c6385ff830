// What a table's and a target's `health` add up to: the defaults, and which keys belong to which type of check.

import type { CheckKind, CheckSchedule, CheckType, Damping, HealthSettings } from './health-settings.js';
import { CHECK_TYPES, type DeclaredHealth, type DeclaredTableHealth } from './schema.js';

/** Above which share of targets that are down all are used. */
export const DEFAULT_PANIC = 0.5;

export const DEFAULT_DAMPING: Damping = { downs: 3, within: 300, hold: 60 };

export const DEFAULT_SCHEDULE: CheckSchedule = {
  to: 'address',
  interval: 2,
  timeout: 1,
  rise: 2,
  fall: 3,
  jitter: 0.1,
  damping: DEFAULT_DAMPING,
};

const HTTP_KEYS = ['method', 'path', 'host', 'status'] as const;

type KindKey = Exclude<keyof DeclaredHealth, keyof CheckSchedule | 'type'>;

/** The keys that only some types have. */
const KEYS_OF: Readonly<Record<CheckType | 'none', readonly KindKey[]>> = {
  tcp: ['port'],
  http: ['port', ...HTTP_KEYS],
  https: ['port', ...HTTP_KEYS, 'sni', 'verify', 'ca'],
  udp: ['port', 'send', 'expect'],
  icmp: [],
  sctp: ['port'],
  exec: ['command'],
  none: [],
};
const KIND_KEYS = [...new Set(Object.values(KEYS_OF).flat())];

/** One thing that is wrong with a `health`. */
export interface HealthProblem {
  /** The key that is wrong or missing. */
  readonly key: keyof DeclaredHealth;
  /** Such as `must be given for a check of type tcp: the port to connect to`; goes after the key. */
  readonly problem: string;
}

export type CompletedHealth =
  /** `undefined`: the target is not checked. */
  { readonly settings: HealthSettings | undefined } | { readonly problems: readonly HealthProblem[] };

/**
 * A target's check, from its table's `health` and its own. A target of another type than its table's inherits only what all checks have.
 *
 * @param table its table's `health`, if any
 * @param target its own `health`, if any
 */
export function completeHealth(table: DeclaredTableHealth | undefined, target: DeclaredHealth | undefined): CompletedHealth {
  if (!table && !target) return { settings: undefined };
  const type = target?.type ?? table?.type;
  if (type === undefined) return { problems: [{ key: 'type', problem: `must be given: ${CHECK_TYPES.join(', ')}` }] };
  const inherited = { ...table, ...(type === table?.type || !target ? {} : withoutKindKeys) };
  const all: DeclaredHealth = { ...inherited, ...target, damping: { ...table?.damping, ...target?.damping } };
  const problems = problemsOf(type, all);
  if (problems.length > 0) return { problems };
  return { settings: type === 'none' ? undefined : { ...scheduleOf(all), ...kindOf(type, all) } };
}

const withoutKindKeys = Object.fromEntries(KIND_KEYS.map((key) => [key, undefined]));

function problemsOf(type: CheckType | 'none', all: DeclaredHealth): HealthProblem[] {
  const problems: HealthProblem[] = KIND_KEYS.filter((key) => all[key] !== undefined && !KEYS_OF[type].includes(key)).map((key) => {
    const types = CHECK_TYPES.filter((other) => KEYS_OF[other].includes(key));
    return { key, problem: `a check of type ${type} has none; only ${types.join(', ')}` };
  });
  const require = (key: KindKey, what: string): void => {
    if (all[key] === undefined) problems.push({ key, problem: `must be given for a check of type ${type}: ${what}` });
  };
  if (type === 'tcp' || type === 'sctp') require('port', 'the port to connect to');
  if (type === 'udp') {
    require('port', 'the port to send to');
    require('send', 'what to send');
  }
  if (type === 'exec') require('command', 'the program and its arguments');
  const { interval, timeout } = scheduleOf(all);
  if (timeout > interval)
    problems.push({ key: 'timeout', problem: `must not be longer than the interval: ${timeout} s, and the interval is ${interval} s` });
  if (type === 'exec' && all.to === 'vip') {
    problems.push({ key: 'to', problem: 'a program cannot be made to send with a fwmark; must be address for a check of type exec' });
  }
  return problems;
}

function scheduleOf({ to, interval, timeout, rise, fall, jitter, damping }: DeclaredHealth): CheckSchedule {
  const given = { to, interval, timeout, rise, fall, jitter };
  const { timeout: _, ...defaults } = DEFAULT_SCHEDULE;
  const schedule = { ...defaults, ...present(given), damping: { ...DEFAULT_DAMPING, ...present(damping ?? {}) } };
  // An interval that is shorter than the default timeout shortens that, too.
  return { ...schedule, timeout: timeout ?? Math.min(DEFAULT_SCHEDULE.timeout, schedule.interval) };
}

function kindOf(type: CheckType, all: DeclaredHealth): CheckKind {
  const http = {
    method: all.method ?? 'GET',
    path: all.path ?? '/',
    host: all.host,
    status: all.status ?? [{ from: 200, to: 299 }],
  } as const;
  switch (type) {
    case 'tcp':
    case 'sctp':
      return { type, port: all.port! };
    case 'http':
      return { type, port: all.port ?? 80, ...http };
    case 'https':
      return { type, port: all.port ?? 443, ...http, sni: all.sni, verify: all.verify ?? true, ca: all.ca };
    case 'udp':
      return { type, port: all.port!, send: all.send!, expect: all.expect };
    case 'icmp':
      return { type };
    case 'exec':
      return { type, command: all.command! };
  }
}

type Present<T> = { [K in keyof T]?: Exclude<T[K], undefined> };

function present<T extends object>(values: T): Present<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Present<T>;
}
