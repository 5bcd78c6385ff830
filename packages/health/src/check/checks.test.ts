import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import { describe, expect, test } from 'vitest';
import { check, checkOnce } from '../testing/check.js';
import { freePort, listening, tcpServer } from '../testing/listening.js';

const SHORT = { timeout: 0.3 };

describe('tcp', () => {
  test('a server that listens', async () => {
    await using server = await tcpServer(() => {});
    expect(await check({ type: 'tcp', port: server.port })).toBe('passed');
  });

  test('nobody listens', async () => {
    expect(await check({ type: 'tcp', port: await freePort() })).toBe('connection refused');
  });

  test('all addresses are checked; the reason says which one failed', async () => {
    await using server = await tcpServer(() => {});
    const { port } = server;
    expect(await checkOnce({ type: 'tcp', port }, ['127.0.0.1', '::1'])).toEqual({ kind: 'failed', reason: '::1: connection refused' });
  });

  test('nothing to check is no failure', async () => {
    expect(await checkOnce({ type: 'tcp', port: 1 }, [])).toEqual({ kind: 'impossible', reason: 'no address to check' });
    expect(await checkOnce({ type: 'tcp', port: 1, to: 'vip' }, [])).toEqual({ kind: 'impossible', reason: 'no VIP to check' });
  });

  test('leaves no descriptor open', async () => {
    await using server = await tcpServer(() => {});
    const port = await freePort();
    const count = (): number => readdirSync('/proc/self/fd').length;
    await check({ type: 'tcp', port: server.port });
    const before = count();
    for (let i = 0; i < 5; i++) {
      await check({ type: 'tcp', port: server.port });
      await check({ type: 'tcp', port });
    }
    // The server closes its ends soon.
    await expect.poll(count).toBeLessThanOrEqual(before);
  });
});

describe('http', () => {
  const web = (answer: RequestListener) => listening(createServer(answer));

  test.each<[string, number, object, string]>([
    ['200', 200, {}, 'passed'],
    ['503', 503, {}, 'status 503, expected 200–299'],
    ['a redirection, which is not followed', 301, {}, 'status 301, expected 200–299'],
    ['a redirection, if it is what is expected', 301, { status: [204, '300-399'] }, 'passed'],
    ['another status than expected', 200, { status: [204, '300-399'] }, 'status 200, expected 204, 300–399'],
  ])('%s', async (_, status, more, expected) => {
    await using server = await web((_request, response) => response.writeHead(status).end());
    expect(await check({ type: 'http', port: server.port, ...more })).toBe(expected);
  });

  test('the request: method, path, Host', async () => {
    const requests: string[] = [];
    await using server = await web(({ method, url, headers: { host } }, response) => {
      requests.push(`${method} ${url} ${host}`);
      response.end();
    });
    const { port } = server;
    await check({ type: 'http', port });
    await check({ type: 'http', port, method: 'HEAD', path: '/health?deep=1', host: 'www.example.org' });
    expect(requests).toEqual([`GET / 127.0.0.1:${port}`, 'HEAD /health?deep=1 www.example.org']);
  });

  test.each<[string, string[], string]>([
    ['a status line in pieces', ['HT', 'TP/1.', '1 20', '0 OK\r\n'], 'passed'],
    ['no reason phrase', ['HTTP/1.1 200\r\n'], 'passed'],
    ['another protocol', ['SSH-2.0-OpenSSH_9.2\r\n'], 'not an answer of HTTP'],
    ['a line without end', ['HTTP/1.1 200 ', 'x'.repeat(5000)], 'passed'],
    ['no status', ['HTTP/1.1 OK\r\n'], 'not an answer of HTTP'],
  ])('%s', async (_, pieces, expected) => {
    await using server = await tcpServer(async (socket) => {
      for (const piece of pieces) {
        socket.write(piece);
        await new Promise((resolve) => setTimeout(resolve, 30));
      }
    });
    expect(await check({ type: 'http', port: server.port })).toBe(expected);
  });

  test('no answer, and a connection that is closed', async () => {
    await using silent = await tcpServer(() => {});
    expect(await check({ type: 'http', port: silent.port, ...SHORT })).toBe('no answer within 0.3 s');
    await using closing = await tcpServer((socket) => socket.resume().end());
    expect(await check({ type: 'http', port: closing.port })).toBe('connection closed without an answer');
    await using resetting = await tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
    expect(await check({ type: 'http', port: resetting.port })).toBe('connection reset');
  });
});

describe('udp', () => {
  async function udpServer(answer: (question: string) => string | undefined): Promise<{ readonly port: number } & AsyncDisposable> {
    const socket = createSocket('udp4', (question, { port, address }) => {
      const text = answer(question.toString());
      if (text !== undefined) socket.send(text, port, address);
    });
    socket.bind(0, '127.0.0.1');
    await once(socket, 'listening');
    return {
      port: socket.address().port,
      async [Symbol.asyncDispose]() {
        socket.close();
        await once(socket, 'close');
      },
    };
  }

  test('send and expect', async () => {
    await using server = await udpServer((question) => (question === 'ping' ? 'a pong for you' : 'what?'));
    const { port } = server;
    expect(await check({ type: 'udp', port, send: 'ping' })).toBe('passed');
    expect(await check({ type: 'udp', port, send: { hex: '70696e67' }, expect: 'pong' })).toBe('passed');
    expect(await check({ type: 'udp', port, send: 'hello', expect: 'pong' })).toBe('unexpected answer "what?"');
  });

  test('no answer', async () => {
    await using server = await udpServer(() => undefined);
    expect(await check({ type: 'udp', port: server.port, send: 'ping', ...SHORT })).toBe('no answer within 0.3 s');
  });

  test('nobody there', async () => {
    const { port } = await closedServer();
    expect(await check({ type: 'udp', port, send: 'ping' })).toBe('connection refused');
  });

  async function closedServer(): Promise<{ readonly port: number }> {
    await using server = await udpServer(() => undefined);
    return server;
  }
});

describe('exec', () => {
  const exec = (...command: string[]): Promise<string> => check({ type: 'exec', command, ...SHORT }, '192.0.2.1', 101);

  test('its status decides', async () => {
    expect(await exec('true')).toBe('passed');
    expect(await exec('sh', '-c', 'echo no disk left >&2; echo more >&2; exit 3')).toBe('sh: exit status 3: no disk left');
    expect(await exec('sh', '-c', 'kill -SEGV $$')).toBe('sh: SIGSEGV');
  });

  test('it gets address and fwmark; no shell reads them', async () => {
    const compare = 'test "$1" = "at 192.0.2.1 101;exit 1"';
    expect(await exec('sh', '-c', compare, 'sh', 'at {address} {fwmark};exit 1')).toBe('passed');
  });

  test('one that takes too long is killed, with its children', async () => {
    const seconds = `98${process.pid}`;
    expect(await exec('sh', '-c', `sleep ${seconds} & sleep ${seconds}`)).toBe('sh did not end within 0.3 s');
    const running = (): string[] =>
      readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && commandLine(pid).includes(`sleep\0${seconds}`));
    await expect.poll(running).toEqual([]);
  });

  test('a program that is not there says nothing about the target', async () => {
    const settings = { type: 'exec', command: ['/none/here'] };
    expect(await checkOnce(settings, ['192.0.2.1'])).toEqual({
      kind: 'impossible',
      reason: '192.0.2.1: /none/here: there is no such program',
    });
    expect(await exec('/etc/passwd')).toBe('/etc/passwd: it may not be run: is it executable?');
  });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1');
  } catch {
    return '';
  }
}
