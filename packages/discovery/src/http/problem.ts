/** A source that cannot be asked. The message is for the user: who, and what is wrong. */
export class DiscoveryError extends Error {
  override readonly name = 'DiscoveryError';
  readonly code = 'DISCOVERY';
  /** Of the HTTP answer, if there was one. */
  readonly status: number | undefined;

  constructor(message: string, status?: number) {
    super(message);
    this.status = status;
  }
}

const PROBLEMS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'the connection was closed',
  ECONNABORTED: 'the connection was closed',
  EPIPE: 'the connection was closed',
  ETIMEDOUT: 'no answer',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network is unreachable',
  ENOTFOUND: 'no such host',
  EAI_AGAIN: 'the name cannot be resolved now',
  EPROTO: 'it does not speak TLS',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock of this machine is wrong',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet, or the clock of this machine is wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by the CA',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not signed by the CA',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by the CA',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not signed by the CA',
  CERT_SIGNATURE_FAILURE: 'its certificate is not signed by the CA',
  ERR_STREAM_PREMATURE_CLOSE: 'the connection was closed',
};

/** What is wrong, by an error of Node's. */
export function networkProblem(error: unknown): string {
  const { code = '', message } = error as NodeJS.ErrnoException;
  if (message === 'aborted') return PROBLEMS.ECONNRESET!;
  if (code.startsWith('ERR_SSL_TLSV1') || code.startsWith('ERR_SSL_SSLV3')) return 'it refuses our certificate';
  return PROBLEMS[code] ?? (message.replace(/\s+/g, ' ') || code);
}
