import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface Certificate {
  /** PEM file. */
  readonly file: string;
  readonly cert: Buffer;
  readonly key: Buffer;
}

/**
 * A new certificate, by OpenSSL.
 *
 * @param folder where its files are put
 * @param days for which it is valid; it has expired if negative
 * @param issuer signs it; itself by default
 */
export function certificate(folder: string, name: string, { days = 2, issuer }: { days?: number; issuer?: string } = {}): Certificate {
  const [key, request, file] = ['key', 'csr', 'pem'].map((ending) => join(folder, `${name}.${ending}`)) as [string, string, string];
  const openssl = (...args: string[]): void => {
    execFileSync('openssl', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  };
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-new',
    ...curve,
    '-keyout',
    key,
    '-out',
    request,
    '-subj',
    `/CN=${name}`,
    '-addext',
    `subjectAltName=DNS:${name},IP:127.0.0.1`,
    '-addext',
    `basicConstraints=critical,CA:${issuer === undefined ? 'TRUE' : 'FALSE'}`,
  );
  const signer =
    issuer === undefined
      ? ['-signkey', key]
      : ['-CA', join(folder, `${issuer}.pem`), '-CAkey', join(folder, `${issuer}.key`), '-CAcreateserial'];
  openssl('x509', '-req', '-in', request, '-out', file, '-days', String(days), '-copy_extensions', 'copyall', ...signer);
  return { file, cert: readFileSync(file), key: readFileSync(key) };
}
