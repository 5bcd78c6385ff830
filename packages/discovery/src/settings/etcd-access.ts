import type { EtcdAccess } from './source-settings.js';

/** One thing that is wrong with how etcd is to be reached. */
export interface AccessProblem {
  /** As in a configuration file. */
  readonly key: 'endpoints' | 'ca' | 'cert' | 'key' | 'user' | 'password-file';
  readonly problem: string;
}

/** What is wrong, if anything. */
export function etcdAccessProblem({ endpoints, ca, cert, key, user, passwordFile }: EtcdAccess): AccessProblem | undefined {
  const broken = endpoints.find((endpoint) => !isEndpoint(endpoint));
  if (broken !== undefined)
    return { key: 'endpoints', problem: 'must be URLs such as http://10.0.0.11:2379 or https://etcd-1.example.org:2379' };
  const isEncrypted = endpoints.every((endpoint) => endpoint.startsWith('https:'));
  const file = ca !== undefined ? 'ca' : cert !== undefined ? 'cert' : 'key';
  if ((ca ?? cert ?? key) !== undefined && !isEncrypted) return { key: file, problem: 'is for https: the endpoints must be https://…' };
  if (cert !== undefined && key === undefined) return { key: 'cert', problem: 'needs a key' };
  if (key !== undefined && cert === undefined) return { key: 'key', problem: 'needs a cert' };
  if (user !== undefined && passwordFile === undefined) return { key: 'user', problem: 'needs a password-file' };
  if (passwordFile !== undefined && user === undefined) return { key: 'password-file', problem: 'needs a user' };
  return undefined;
}

function isEndpoint(text: string): boolean {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, pathname, search, hash, username, password } = new URL(text);
  return /^https?:$/.test(protocol) && hostname !== '' && pathname === '/' && search + hash + username + password === '';
}
