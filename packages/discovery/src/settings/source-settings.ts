/** Where the targets of a table are found. */
export type SourceSettings = DnsSettings | EtcdSettings | KubernetesSettings;

export interface DnsSettings {
  readonly kind: 'dns';
  /** Such as `web.example.org`; with `SRV`, `_http._tcp.example.org`. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'SRV';
  /** Addresses of servers, with a port if it is not 53; empty: those of /etc/resolv.conf. */
  readonly servers: readonly string[];
}

/** How to reach an etcd cluster, and as whom. */
export interface EtcdAccess {
  /** URLs of members, without a path. */
  readonly endpoints: readonly string[];
  /** PEM files, read again for each connection: a certificate may be replaced at any time. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  readonly user?: string | undefined;
  /** A file with the user's password, and perhaps a line end. */
  readonly passwordFile?: string | undefined;
}

export interface EtcdSettings extends EtcdAccess {
  readonly kind: 'etcd';
  /** Each key that begins with it is a target. */
  readonly prefix: string;
}

export interface KubernetesSettings {
  readonly kind: 'kubernetes';
  readonly namespace: string;
  readonly service: string;
  /** A file; absent: as a pod, by the service account that Kubernetes puts into it. */
  readonly kubeconfig?: string | undefined;
  /** Of the file; absent: its current one. */
  readonly context?: string | undefined;
}

/** From the first to the last, both included. */
export interface FwmarkRange {
  readonly first: number;
  readonly last: number;
}
