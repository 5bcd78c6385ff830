// The keys `discover` and `fwmarks` of a table in a configuration file. Errors are custom issues with the parameter `unnamed`: whoever shows them puts
// the key in front.

import { parseIpAddress } from '@nfqlb/core/address';
import * as z from 'zod';
import { etcdAccessProblem } from './etcd-access.js';
import type { DnsSettings, EtcdSettings, FwmarkRange, KubernetesSettings, SourceSettings } from './source-settings.js';

/** Fwmarks of targets (`targetFwmark` of @nfqlb/options says why). */
const MAX_FWMARK = 0x7fffffff;

const dns = z
  .strictObject({
    name: text(/^(?=.{1,253}$)[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62})(\.[a-zA-Z0-9_-]{1,63})*\.?$/, 'must be a DNS name such as web.example.org'),
    type: z.enum(['A', 'AAAA', 'SRV']).default('A'),
    servers: checked(
      oneOrMore(),
      (all) => all.every(isServer),
      'must be addresses of DNS servers, such as 10.0.0.53 or 10.0.0.53:5353',
    ).default([]),
  })
  .transform((settings): DnsSettings => ({ kind: 'dns', ...settings }));

const etcd = z
  .strictObject({
    endpoints: oneOrMore(),
    prefix: text(/^[^\0]+$/, 'must be the beginning of the keys, such as /nfqlb/web/'),
    ca: path().optional(),
    cert: path().optional(),
    key: path().optional(),
    user: text(/^.+$/, 'must be the name of an etcd user').optional(),
    'password-file': path().optional(),
  })
  .transform(({ 'password-file': passwordFile, ...settings }): EtcdSettings => ({ kind: 'etcd', ...settings, passwordFile }))
  .superRefine((settings, context) => {
    const problem = etcdAccessProblem(settings);
    if (problem) context.addIssue({ code: 'custom', path: [problem.key], message: problem.problem, params: { unnamed: true } });
  });

/** RFC 1123 labels, as Kubernetes names namespaces and Services. */
const SERVICE = /^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)\/([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)$/;

const kubernetes = z
  .strictObject({
    service: text(SERVICE, 'must be NAMESPACE/SERVICE such as default/web'),
    kubeconfig: path().optional(),
    context: text(/^.+$/, 'must be the name of a context').optional(),
  })
  .transform(({ service: name, ...settings }): KubernetesSettings => {
    const [namespace, service] = name.split('/') as [string, string];
    return { kind: 'kubernetes', namespace, service, ...settings };
  });

/** By source, its keys. */
export const DISCOVERY_KEYS: Readonly<Record<string, readonly string[]>> = {
  dns: ['name', 'type', 'servers'],
  etcd: ['endpoints', 'prefix', 'ca', 'cert', 'key', 'user', 'password-file'],
  kubernetes: ['service', 'kubeconfig', 'context'],
};

/** A table's `discover`. */
export const discoverSchema: z.ZodType<SourceSettings> = z
  .strictObject({ dns: dns.optional(), etcd: etcd.optional(), kubernetes: kubernetes.optional() })
  .transform((sources, context) => {
    const [source, ...further] = Object.values(sources).filter((one) => one !== undefined);
    if (source && further.length === 0) return source;
    return refuse(context, `must have one of ${Object.keys(DISCOVERY_KEYS).join(', ')}`);
  });

/** A table's `fwmarks`: `100-1123`. */
export const fwmarksSchema: z.ZodType<FwmarkRange> = z.unknown().transform((value, context) => {
  return fwmarkRange(value) ?? refuse(context, `must be a range FIRST-LAST such as 1000-1255, from 1 to ${MAX_FWMARK}`);
});

export function fwmarkRange(value: unknown): FwmarkRange | undefined {
  const [, first, last] = /^(\d{1,10})-(\d{1,10})$/.exec(typeof value === 'string' ? value : '')?.map(Number) ?? [];
  return first && last && first <= last && last <= MAX_FWMARK ? { first, last } : undefined;
}

function refuse(context: z.RefinementCtx, message: string): never {
  context.addIssue({ code: 'custom', message, params: { unnamed: true }, continue: false });
  return z.NEVER;
}

function checked<T>(schema: z.ZodType<T>, isAllowed: (value: T) => boolean, message: string): z.ZodType<T> {
  return schema.superRefine((value, context) => {
    if (!isAllowed(value)) refuse(context, message);
  });
}

function text(form: RegExp, message: string): z.ZodType<string> {
  return checked(z.string(), (value) => form.test(value), message);
}

function path(): z.ZodType<string> {
  return text(/^[^\0]+$/, 'must be the path of a file');
}

function oneOrMore(): z.ZodType<string[]> {
  return z.preprocess((value) => (typeof value === 'string' ? [value] : value), z.array(z.string()).min(1, 'must not be empty'));
}

/** As `Resolver.setServers` takes it: an address, or an address and a port, with brackets around IPv6. */
function isServer(server: string): boolean {
  const [, six, four, port = '53'] = /^(?:\[([^\]]+)\]|([^:[\]]+))(?::(\d{1,5}))?$/.exec(server) ?? [];
  const isPort = Number(port) > 0 && Number(port) <= 65535;
  if (parseIpAddress(server)) return true;
  const isOfFamily = (address: string | undefined, hasColons: boolean): boolean =>
    address !== undefined && address.includes(':') === hasColons && parseIpAddress(address) !== undefined;
  return isPort && (isOfFamily(six, true) || isOfFamily(four, false));
}
