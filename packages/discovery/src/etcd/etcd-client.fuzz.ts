// Any answer of an etcd member, sent over a real connection: what it lists, or one line that says what is wrong with it.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { changedJson, type FuzzTarget, isTrue, type JsonValue, same } from '@nfqlb/core/testing';
import { EntryProblem, parseEntry } from '../entry.js';
import { rangeOf } from './etcd.js';
import { Compacted, EtcdClient } from './etcd-client.js';

const base64 = (text: string): string => Buffer.from(text).toString('base64');
const pair = (key: string, value: string, revision: string): JsonValue => ({
  key: base64(key),
  value: base64(value),
  mod_revision: revision,
});
const WEB = '{"address": ["192.168.1.101", "2001:db8::1"], "weight": 2, "drain": false}';
const LISTING = JSON.stringify({
  header: { cluster_id: '77', revision: '9' },
  kvs: [pair('/web/a', WEB, '7'), pair('/web/b', '{}', '9')],
  count: '2',
});
const NOTICES = [
  JSON.stringify({ result: { header: { revision: '9' }, created: true } }),
  JSON.stringify({
    result: { events: [{ kv: pair('/web/a', WEB, '10') }, { type: 'DELETE', kv: { key: base64('/web/b'), mod_revision: '10' } }] },
  }),
  JSON.stringify({ result: { canceled: true, cancel_reason: 'no leader', compact_revision: '0' } }),
  JSON.stringify({ error: { message: 'no leader' } }),
];

/** What the member sends next. */
let answer: Uint8Array | string = '';
const server = createServer((socket) => {
  socket.on('error', () => {});
  socket.once('data', () => socket.end(answer));
}).listen(0, '127.0.0.1');
await once(server, 'listening');
server.unref();
const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
const access = { endpoints: [endpoint], user: undefined, passwordFile: undefined, ca: undefined, cert: undefined, key: undefined };

function http(body: string, status: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n${body}`;
}

function refused(error: unknown): void {
  if (error instanceof Compacted) return;
  isTrue('an error', error instanceof Error && !(error instanceof TypeError || error instanceof RangeError), String(error));
  const { message } = error as Error;
  isTrue('a refusal of one line', !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(message) && message.length < 600, message);
}

const target: FuzzTarget = {
  // Reasons that a terminal would obey; and a message that is none.
  seeds: [
    '\x03\x01\0\x02\0\0\x01\x01\0\x02\x01\x01\x02\x07',
    '\x01\x01\0{"error":{"message":"a\\n\\u001b"}}\n',
    '\x01\0\x02{"message":{"toString":1}}',
  ],
  async run(input) {
    const how = input.below(8);
    const watches = input.flag();
    const status = input.pick(['200 OK', '404 Not Found', '503 Service Unavailable']);
    if (how === 0) answer = input.rest();
    else if (how === 1) answer = http(input.text(), status);
    else {
      const texts = watches ? NOTICES.slice(0, 1 + input.below(NOTICES.length)) : [LISTING];
      const changed = texts.map((text) => {
        let value = JSON.parse(text) as JsonValue;
        for (const edits = input.list(3, () => 0); edits.length > 0; edits.pop()) value = changedJson(input, value);
        return JSON.stringify(value);
      });
      answer = http(`${changed.join('\n')}\n`, how === 2 ? status : '200 OK');
    }
    const { signal } = new AbortController();
    const client = await EtcdClient.open(endpoint, access, signal);
    try {
      if (watches) {
        for await (const { changes } of client.watch(rangeOf('/web/'), 1, signal)) {
          input.note(changes.length);
          for (const { key, value, revision, isDeleted } of changes) {
            isTrue(
              'a change',
              typeof key === 'string' && typeof value === 'string' && Number.isSafeInteger(revision) && typeof isDeleted === 'boolean',
            );
          }
        }
        throw new Error('the watch ended without a word');
      }
      const { cluster, revision, count, values } = await client.list(rangeOf('/web/'));
      isTrue('a listing', typeof cluster === 'string' && Number.isSafeInteger(revision) && Number.isSafeInteger(count), [
        cluster,
        revision,
        count,
      ]);
      for (const { key, value } of values) {
        input.note(64 + value.length);
        try {
          const entry = parseEntry(key, value);
          isTrue('addresses', entry.addresses.length === 1 || entry.addresses.length === 2, entry.addresses);
          same('the same again', parseEntry(key, JSON.stringify({ ...entry, address: entry.addresses })), entry);
        } catch (error) {
          if (!(error instanceof EntryProblem)) throw error;
          isTrue('a problem of one line', !error.message.includes('\n'), error.message);
        }
      }
    } catch (error) {
      refused(error);
    } finally {
      client.close();
    }
  },
};
export default target;
