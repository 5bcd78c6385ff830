import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { run } from '../processes/running.js';

const FRESH = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/** Makes certificates, by OpenSSL, in a folder of its own. */
export class Authority implements Disposable {
  readonly #folder: string = mkdtempSync(join(tmpdir(), 'nfqlb-authority-'));

  /** The path of a file: `ca.pem`, or a certificate's `NAME.pem` and `NAME.key`. */
  file(name: string): string {
    return join(this.#folder, name);
  }

  text(name: string): string {
    return readFileSync(this.file(name), 'utf8');
  }

  /** A new authority, which nobody trusts who trusted the former one. */
  async renew(): Promise<void> {
    const subject = ['-days', '2', '-subj', '/CN=nfqlb test CA'];
    await run(['openssl', 'req', '-x509', ...FRESH, '-keyout', this.file('ca.key'), '-out', this.file('ca.pem'), ...subject]);
  }

  /**
   * A certificate, in place of the former one of that name.
   *
   * @param extension such as `subjectAltName=IP:127.0.0.1`
   * @param days it has expired if negative
   */
  async issue(name: string, extension: string, days = 2): Promise<void> {
    const [key, request, file] = [`${name}.key`, `${name}.csr`, `${name}.pem`].map((one) => this.file(one)) as [string, string, string];
    await run(['openssl', 'req', '-new', ...FRESH, '-keyout', key, '-out', request, '-subj', '/O=nfqlb', '-addext', extension]);
    const issuer = ['-CA', this.file('ca.pem'), '-CAkey', this.file('ca.key'), '-CAcreateserial', '-copy_extensions', 'copyall'];
    await run(['openssl', 'x509', '-req', '-in', request, '-out', file, '-days', String(days), ...issuer]);
  }

  [Symbol.dispose](): void {
    rmSync(this.#folder, { recursive: true });
  }
}
