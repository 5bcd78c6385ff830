// How to reach the API server, and as whom: from within a pod, or by a kubeconfig.

import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import { DiscoveryError } from '../http/problem.js';
import type { Peer } from '../http/request.js';
import type { KubernetesSettings } from '../settings/index.js';

/** Where Kubernetes puts a pod's service account. */
const SERVICE_ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';

/** @throws {@link DiscoveryError} */
export function clusterPeer(
  { kubeconfig, context }: KubernetesSettings,
  environment: NodeJS.ProcessEnv = process.env,
  serviceAccount: string = SERVICE_ACCOUNT,
): Peer {
  return kubeconfig === undefined ? fromPod(environment, serviceAccount) : fromFile(kubeconfig, context);
}

function fromPod({ KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port = '443' }: NodeJS.ProcessEnv, folder: string): Peer {
  if (!host) throw new DiscoveryError('this is not a pod (no KUBERNETES_SERVICE_HOST): kubeconfig must be given');
  const url = new URL(`https://${host.includes(':') ? `[${host}]` : host}:${port}`);
  // The token is replaced every hour or so: it is read for each request.
  const headers = (): Record<string, string> => ({ authorization: `Bearer ${contentOf(`${folder}/token`).trim()}` });
  return { url, tls: { ca: contentOf(`${folder}/ca.crt`) }, headers };
}

type Fields = Readonly<Record<string, unknown>>;

function fromFile(file: string, wanted: string | undefined): Peer {
  const refuse = (problem: string): never => {
    throw new DiscoveryError(`${file}: ${problem}`);
  };
  let config: Fields;
  try {
    config = fieldsOf(parse(contentOf(file)));
  } catch (error) {
    throw error instanceof DiscoveryError ? error : new DiscoveryError(`${file}: is not YAML`);
  }
  const named = (list: unknown, kind: string, name: unknown): Fields => {
    const found = (Array.isArray(list) ? list : []).map(fieldsOf).find((one) => one.name === name);
    return found ? fieldsOf(found[kind]) : refuse(`no ${kind} ${JSON.stringify(name)}`);
  };
  const context = named(config.contexts, 'context', wanted ?? config['current-context']);
  const cluster = named(config.clusters, 'cluster', context.cluster);
  const user = named(config.users, 'user', context.user);
  if (typeof cluster.server !== 'string' || !URL.canParse(cluster.server)) return refuse('the cluster has no server');
  if (cluster['insecure-skip-tls-verify'] === true)
    return refuse('insecure-skip-tls-verify is not supported: certificate-authority must be given');
  if (user.exec !== undefined || user['auth-provider'] !== undefined) {
    return refuse('exec and auth-provider are not supported: make a token for a service account (kubectl create token)');
  }
  // Relative paths are relative to the file.
  const data = (fields: Fields, name: string): string | undefined => {
    const [inline, path] = [fields[`${name}-data`], fields[name]];
    if (typeof inline === 'string') return Buffer.from(inline, 'base64').toString();
    return typeof path === 'string' ? contentOf(resolve(dirname(file), path)) : undefined;
  };
  const servername = cluster['tls-server-name'];
  const { token, tokenFile } = user;
  const headers = (): Record<string, string> => {
    const text = typeof tokenFile === 'string' ? contentOf(resolve(dirname(file), tokenFile)).trim() : token;
    return typeof text === 'string' ? { authorization: `Bearer ${text}` } : {};
  };
  return {
    url: new URL(cluster.server),
    tls: {
      ca: data(cluster, 'certificate-authority'),
      cert: data(user, 'client-certificate'),
      key: data(user, 'client-key'),
      ...(typeof servername === 'string' && { servername }),
    },
    headers,
  };
}

function contentOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new DiscoveryError(`${file}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`);
  }
}

function fieldsOf(value: unknown): Fields {
  return typeof value === 'object' && value !== null ? (value as Fields) : {};
}
