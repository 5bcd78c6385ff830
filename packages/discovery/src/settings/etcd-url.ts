// A configuration in etcd, as `--config` names it: etcd://10.0.0.11:2379,10.0.0.12:2379/nfqlb/configuration?ca=/etc/nfqlb/ca.pem

import { UsageError } from '@nfqlb/options/values';
import { etcdAccessProblem } from './etcd-access.js';
import type { EtcdAccess } from './source-settings.js';

/** A single key in etcd. */
export interface EtcdKey {
  readonly access: EtcdAccess;
  readonly key: string;
}

const PARAMETERS = ['ca', 'cert', 'key', 'user', 'password-file'];
const FORM = 'must be etcd://HOST:2379/KEY, or etcds:// with TLS; several members are HOST:2379,HOST:2379';

/** Whether a configuration is in etcd, and not in a file. */
export function isEtcdUrl(config: string): boolean {
  return /^etcds?:\/\//.test(config);
}

/** @throws {@link UsageError} */
export function parseEtcdUrl(url: string): EtcdKey {
  const refuse = (problem: string): never => {
    throw new UsageError('invalid-value', problem, { option: '--config', value: url });
  };
  const [, secure, hosts, key, query = ''] = /^etcd(s?):\/\/([^/?]+)(\/[^?]+)(?:\?(.*))?$/.exec(url) ?? refuse(FORM);
  const given = new URLSearchParams(query);
  const unknown = [...given.keys()].find((name) => !PARAMETERS.includes(name));
  if (unknown !== undefined) refuse(`unknown parameter ${JSON.stringify(unknown)}; there are ${PARAMETERS.join(', ')}`);
  const parameter = (name: string): string | undefined => given.get(name) ?? undefined;
  const access: EtcdAccess = {
    endpoints: hosts!.split(',').map((host) => `http${secure}://${host}`),
    ca: parameter('ca'),
    cert: parameter('cert'),
    key: parameter('key'),
    user: parameter('user'),
    passwordFile: parameter('password-file'),
  };
  const wrong = etcdAccessProblem(access);
  if (wrong)
    refuse(wrong.key === 'endpoints' ? FORM : `${wrong.key}: ${wrong.problem.replace('the endpoints must be https://…', 'etcds://…')}`);
  return { access, key: key! };
}
