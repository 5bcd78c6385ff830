import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Certificate, certificate } from '../testing/certificate.js';
import { check, checkOnce } from '../testing/check.js';
import { listening, tcpServer } from '../testing/listening.js';

let folder: string;
let ca: Certificate;
let good: Certificate;
let expired: Certificate;
let own: Certificate;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'nfqlb-https-'));
  ca = certificate(folder, 'ca');
  good = certificate(folder, 'good.test', { issuer: 'ca' });
  expired = certificate(folder, 'expired.test', { issuer: 'ca', days: -1 });
  own = certificate(folder, 'own.test');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A server with a certificate for each name; `names` gets what clients asked for. */
async function secureWeb(fallback: Certificate, byName: Record<string, Certificate> = {}, names: unknown[] = []) {
  const server = createServer(
    {
      cert: fallback.cert,
      key: fallback.key,
      SNICallback: (name, done) => {
        const { cert, key } = byName[name] ?? fallback;
        done(null, createSecureContext({ cert, key }));
      },
    },
    (request, response) => {
      names.push((request.socket as TLSSocket & { servername?: string }).servername, request.headers.host);
      response.writeHead(request.url === '/ok' ? 200 : 503).end();
    },
  );
  server.on('tlsClientError', () => {});
  return await listening(server);
}

const web = (port: number, more: object = {}): Record<string, unknown> => ({ type: 'https', port, path: '/ok', ca: ca.file, ...more });

test('a certificate of the authority, for the address or the name', async () => {
  await using server = await secureWeb(good);
  expect(await check(web(server.port))).toBe('passed');
  expect(await check(web(server.port, { sni: 'good.test' }))).toBe('passed');
  expect(await check(web(server.port, { path: '/' }))).toBe('status 503, expected 200–299');
});

test('the server name chooses the certificate; it is the host if not given', async () => {
  const names: unknown[] = [];
  await using server = await secureWeb(own, { 'good.test': good }, names);
  expect(await check(web(server.port, { host: 'good.test:8443' }))).toBe('passed');
  expect(await check(web(server.port, { host: 'www.test', sni: 'good.test' }))).toBe('passed');
  expect(names).toEqual(['good.test', 'good.test:8443', 'good.test', 'www.test']);
});

test.each<[string, () => Certificate, object, string]>([
  ['expired', () => expired, {}, 'certificate expired'],
  ['expired, and not verified', () => expired, { verify: false }, 'passed'],
  ['of its own', () => own, {}, 'certificate is self-signed; give its authority as ca, or verify: false'],
  [
    'of an authority that is not known',
    () => good,
    { ca: undefined },
    'certificate of an unknown authority; give it as ca, or verify: false',
  ],
  ['for another name', () => good, { sni: 'other.test' }, 'certificate is not for other.test'],
])('a certificate %s', async (_, served, more, expected) => {
  await using server = await secureWeb(served());
  expect(await check(web(server.port, more))).toBe(expected);
});

test('no TLS, no answer, a connection that is closed', async () => {
  await using plain = await tcpServer((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
  expect(await check(web(plain.port))).toBe('not TLS');
  await using silent = await tcpServer(() => {});
  expect(await check(web(silent.port, { timeout: 0.3 }))).toBe('no answer within 0.3 s');
  await using closing = await tcpServer((socket) => socket.once('data', () => socket.end()));
  expect(await check(web(closing.port))).toMatch(/^connection (closed without an answer|reset)$/);
});

test('a file of authorities that is not there says nothing about the target', async () => {
  const none = join(folder, 'none.pem');
  const reason = `127.0.0.1: ca ${none}: no such file`;
  expect(await checkOnce(web(1, { ca: none }), ['127.0.0.1'])).toEqual({ kind: 'impossible', reason });
});
