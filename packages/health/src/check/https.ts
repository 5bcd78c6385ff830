import { readFileSync } from 'node:fs';
import { isIP, Socket } from 'node:net';
import { connect, createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import type { HttpsCheck } from '../settings/health-settings.js';
import { CheckAborted, CheckSocket, type Destination, noAnswer } from '../socket/check-socket.js';
import type { SocketPoll } from '../socket/socket-poll.js';
import { closedEarly, httpRequest, readStatusLine } from './http-exchange.js';
import { CheckFailure, ImpossibleCheck } from './outcome.js';

const HTTPS_PORT = 443;

/** As {@link checkHttp}, after a TLS handshake. */
export async function checkHttps(check: HttpsCheck, to: Destination, poll: SocketPoll): Promise<void> {
  const secureContext = contextFor(check);
  const plain = new CheckSocket('tcp', check.port, to, poll);
  let socket: Socket;
  try {
    await plain.connected();
    socket = new Socket({ fd: plain.release(), readable: true, writable: true });
  } finally {
    plain.close();
  }
  const name = check.sni ?? check.host?.replace(/:\d+$/, '');
  const tls = connect({
    socket,
    host: name ?? to.name,
    ...(name !== undefined && isIP(name) === 0 && { servername: name }),
    rejectUnauthorized: check.verify,
    secureContext,
  });
  try {
    await exchange(check, tls, to);
  } finally {
    tls.destroy();
    socket.destroy();
  }
}

function exchange(check: HttpsCheck, tls: TLSSocket, { name, deadline, timeout, signal }: Destination): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new CheckFailure(noAnswer(timeout))), Math.max(0, deadline - performance.now()));
    const abort = (): void => reject(new CheckAborted());
    signal.addEventListener('abort', abort);
    tls.once('close', () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', abort);
      reject(closedEarly());
    });
    tls.on('error', (error) => reject(asFailure(error)));
    tls.once('secureConnect', () => tls.write(httpRequest(check, name, HTTPS_PORT)));
    let answer = '';
    tls.setEncoding('latin1').on('data', (text: string) => {
      answer += text;
      try {
        if (readStatusLine(answer, check.status) === 'passed') resolve();
      } catch (error) {
        reject(error);
      }
    });
  });
}

/** Making one takes milliseconds. */
const contexts = new WeakMap<HttpsCheck, SecureContext>();

function contextFor(check: HttpsCheck): SecureContext {
  let context = contexts.get(check);
  if (!context) {
    context = createSecureContext(check.ca === undefined ? {} : { ca: readAuthorities(check.ca) });
    contexts.set(check, context);
  }
  return context;
}

function readAuthorities(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new ImpossibleCheck(`ca ${file}: ${code === 'ENOENT' ? 'no such file' : `cannot be read (${code})`}`, { cause: error });
  }
}

/** By Node's and OpenSSL's codes. */
const PROBLEMS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'certificate expired',
  CERT_NOT_YET_VALID: 'certificate not valid yet',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'certificate is self-signed; give its authority as ca, or verify: false',
  SELF_SIGNED_CERT_IN_CHAIN: 'certificate of an unknown authority; give it as ca, or verify: false',
  UNABLE_TO_GET_ISSUER_CERT: 'certificate of an unknown authority; give it as ca, or verify: false',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'certificate of an unknown authority; give it as ca, or verify: false',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'certificate of an unknown authority; give it as ca, or verify: false',
  CERT_REVOKED: 'certificate revoked',
};

function asFailure(error: NodeJS.ErrnoException & { readonly host?: string; readonly reason?: string }): Error {
  const { code = '' } = error;
  const problem = PROBLEMS[code];
  if (problem !== undefined) return new CheckFailure(problem, { cause: error });
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return new CheckFailure(`certificate is not for ${error.host}`, { cause: error });
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return new CheckFailure('not TLS', { cause: error });
  // Of the system, and not of TLS.
  if (error.errno !== undefined || code === 'ECONNRESET') return error;
  return new CheckFailure(`TLS: ${error.reason ?? error.message}`, { cause: error });
}
