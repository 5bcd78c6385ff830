// Answers with this machine's host name: on port 7 over TCP for every line and over UDP for every datagram, on port 80 over HTTP, and
// through the program `sctp` on port 7 over SCTP, also in UDP port 9899 (RFC 6951). http://…/address answers with the client's address.
import { execFileSync, spawn } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:http';
import { createServer as createTcpServer } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';

const name = `${hostname()}\n`;

// On a real interface: usrsctp answers from no address on `lo`.
const { VIPS = '' } = process.env;
for (const vip of VIPS.split(/[\s,]+/).filter(Boolean)) {
  const nodad = vip.includes(':') ? ['nodad'] : [];
  execFileSync('ip', ['address', 'replace', vip, 'dev', 'eth0', ...nodad], { stdio: ['ignore', 'ignore', 'inherit'] });
}

createTcpServer({ noDelay: true }, (socket) => {
  socket.on('error', () => {});
  socket.setEncoding('latin1').on('data', (text) => {
    for (const _ of text.matchAll(/\n/g)) socket.write(name);
  });
}).listen(7);

// A socket for each address: an answer comes from the address that was asked, not from the one nearest to the client.
const addresses = Object.values(networkInterfaces())
  .flat()
  .filter(({ address }) => !address.startsWith('fe80'));
for (const { address, family } of addresses) {
  const socket = createSocket(family === 'IPv4' ? 'udp4' : 'udp6');
  socket.on('message', (_, { port, address: to }) => socket.send(name, port, to));
  socket.bind(7, address);
}

createServer((request, response) => {
  const address = request.socket.remoteAddress?.replace(/^::ffff:/, '');
  response.end(request.url === '/address' ? `${address}\n` : name);
}).listen(80, () => console.log(`${hostname()} answers`));

const sctp = spawn('sctp', ['answer', '7', '9899'], { stdio: ['ignore', 'inherit', 'inherit'] });
sctp.on('exit', (status) => {
  console.error(`sctp ended with status ${status}`);
  process.exit(1);
});
for (const signal of ['SIGTERM', 'SIGINT']) {
  process.on(signal, () => {
    sctp.removeAllListeners('exit');
    sctp.kill('SIGKILL');
    process.exit(0);
  });
}
