// The key `health` of a table and of a target in a configuration file, as it is written: all keys optional, since a target may give some and leave
// the rest to its table. Which keys belong together, and the defaults, are in complete.ts.

import * as z from 'zod';
import type { StatusRange } from './health-settings.js';

/** A target's `health` as it is written, each key checked by itself. */
export interface DeclaredHealth {
  readonly type?: (typeof CHECK_TYPES)[number] | undefined;
  readonly to?: 'address' | 'vip' | undefined;
  readonly interval?: number | undefined;
  readonly timeout?: number | undefined;
  readonly rise?: number | undefined;
  readonly fall?: number | undefined;
  readonly jitter?: number | undefined;
  readonly damping?:
    | { readonly downs?: number | undefined; readonly within?: number | undefined; readonly hold?: number | undefined }
    | undefined;
  readonly port?: number | undefined;
  readonly method?: 'GET' | 'HEAD' | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
  readonly status?: readonly StatusRange[] | undefined;
  readonly sni?: string | undefined;
  readonly verify?: boolean | undefined;
  readonly ca?: string | undefined;
  readonly send?: Uint8Array | undefined;
  readonly expect?: Uint8Array | undefined;
  readonly command?: readonly string[] | undefined;
}

/** A table's. */
export interface DeclaredTableHealth extends DeclaredHealth {
  readonly panic?: number | undefined;
}

/** `none`: a target is not checked, although its table's others are. */
export const CHECK_TYPES = ['tcp', 'http', 'https', 'udp', 'icmp', 'sctp', 'exec', 'none'] as const;

/** A datagram of this length is never a fragment (RFC 8200 §5: an MTU of at least 1280). */
const MAX_OCTETS = 1200;

const damping = z.strictObject({
  downs: wholeNumber(0, 100).optional(),
  within: seconds(1, 86_400).optional(),
  hold: seconds(1, 86_400).optional(),
});

const keys = {
  type: z.enum(CHECK_TYPES).optional(),
  to: z.enum(['address', 'vip']).optional(),
  interval: seconds(0.1, 3600).optional(),
  timeout: seconds(0.05, 60).optional(),
  rise: wholeNumber(1, 100).optional(),
  fall: wholeNumber(1, 100).optional(),
  jitter: number(0, 0.5, 'a share of the interval from 0 to 0.5').optional(),
  damping: damping.optional(),
  port: wholeNumber(1, 65535).optional(),
  method: z.enum(['GET', 'HEAD']).optional(),
  path: text(/^\/[\x21-\x7e]*$/, 'must begin with / and have no spaces').optional(),
  host: text(/^[\x21-\x7e]+$/, 'must be a name, or a name and a port').optional(),
  status: statuses().optional(),
  sni: text(/^[a-zA-Z0-9_-]+(\.[a-zA-Z0-9_-]+)*$/, 'must be a DNS name').optional(),
  verify: z.boolean().optional(),
  ca: z.string().optional(),
  send: octets().optional(),
  expect: octets().optional(),
  command: command().optional(),
};

/** Keys of a target's `health`. */
export const TARGET_HEALTH_KEYS: readonly string[] = Object.keys(keys);
/** Keys of a table's `health`. */
export const TABLE_HEALTH_KEYS: readonly string[] = [...TARGET_HEALTH_KEYS, 'panic'];
/** Keys of `damping`. */
export const DAMPING_KEYS: readonly string[] = Object.keys(damping.shape);

const targetObject = z.strictObject(keys);
const tableObject = z.strictObject({ ...keys, panic: number(0, 1, 'a share of the targets from 0 to 1').optional() });

/** A target's `health`: its own check, or what differs from its table's. */
export const targetHealthSchema: z.ZodType<DeclaredHealth> = targetObject;

/** A table's `health`: how its targets are checked, unless they say otherwise, and `panic`. */
export const tableHealthSchema: z.ZodType<DeclaredTableHealth> = tableObject;

// Errors are custom issues with the parameter `unnamed`: whoever shows them puts the key in front.

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message, params: { unnamed: true }, continue: false });
  return z.NEVER;
}

function checked<T>(schema: z.ZodType<T>, isAllowed: (value: T) => boolean, message: string): z.ZodType<T> {
  return schema.superRefine((value, context) => {
    if (!isAllowed(value)) refuse(context, message);
  });
}

function number(min: number, max: number, what: string): z.ZodType<number> {
  return checked(z.number(), (value) => value >= min && value <= max, `must be ${what}`);
}

function seconds(min: number, max: number): z.ZodType<number> {
  return number(min, max, `seconds from ${min} to ${max}`);
}

function wholeNumber(min: number, max: number): z.ZodType<number> {
  const isAllowed = (value: number): boolean => Number.isInteger(value) && value >= min && value <= max;
  return checked(z.number(), isAllowed, `must be a whole number from ${min} to ${max}`);
}

function text(form: RegExp, message: string): z.ZodType<string> {
  return checked(z.string(), (value) => form.test(value), message);
}

/** `204`, `200-299`, or a list of these. */
function statuses(): z.ZodType<readonly StatusRange[]> {
  return z.unknown().transform((value, context) => {
    const ranges = (Array.isArray(value) ? value : [value]).map(statusRange);
    const isWhole = ranges.length > 0 && ranges.every((range) => range !== undefined);
    return isWhole ? ranges : refuse(context, 'must be a status such as 204, a range such as 200-299, or a list of these, from 100 to 599');
  });
}

function statusRange(value: unknown): StatusRange | undefined {
  const [, from = Number.NaN, to = from] = (/^(\d{3})(?:-(\d{3}))?$/.exec(String(value)) ?? []).map(
    (digits) => digits && Number(digits),
  ) as number[];
  return from >= 100 && from <= to && to <= 599 ? { from, to } : undefined;
}

function command(): z.ZodType<readonly string[]> {
  const isArgument = (value: unknown): value is string => typeof value === 'string' && !value.includes('\0');
  return z.unknown().transform((value, context) => {
    if (Array.isArray(value) && value.length > 0 && value[0] !== '' && value.every(isArgument)) return value;
    return refuse(context, 'must be a list of a program and its arguments, such as [/usr/bin/check, "{address}"]; no shell reads it');
  });
}

/** Text, or `{ hex: … }`. */
function octets(): z.ZodType<Uint8Array> {
  return z.unknown().transform((value, context) => {
    const bytes = typeof value === 'string' ? new TextEncoder().encode(value) : fromHex((value as { hex?: unknown } | null)?.hex);
    if (bytes && bytes.length > 0 && bytes.length <= MAX_OCTETS) return bytes;
    return refuse(context, `must be text, or { hex: "0a0b…" }, of 1 to ${MAX_OCTETS} octets`);
  });
}

function fromHex(digits: unknown): Uint8Array | undefined {
  if (typeof digits !== 'string' || !/^([0-9a-f]{2})*$/i.test(digits)) return undefined;
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
