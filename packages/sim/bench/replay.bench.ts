// How fast `sim replay` reads and decides: the whole program on a capture of small packets in the page cache.
// Goal: 2 million packets/s.

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PACKETS = 4_000_000;
/** Octets of a packet, and of its record with the header. */
const PACKET = 64;
const RECORD = 16 + PACKET;
const GOAL = 2_000_000;

const folder = mkdtempSync(join(tmpdir(), 'nfqlb-bench-'));
try {
  const capture = join(folder, 'small.pcap');
  writeCapture(capture);
  const program = new URL('../../dist/sim.js', import.meta.url).pathname;
  const rates: number[] = [];
  for (let run = 0; run < 5; run++) {
    const { stderr, status } = spawnSync(process.execPath, [program, 'replay', capture], { encoding: 'utf8' });
    const rate = /: ([\d,]+) packets\/s/.exec(stderr)?.[1];
    if (status !== 0 || rate === undefined) throw new Error(`the replay failed: ${stderr}`);
    rates.push(Number(rate.replaceAll(',', '')));
  }
  rates.sort((a, b) => a - b);
  const millions = (rate: number): string => `${(rate / 1e6).toFixed(2)} M/s`;
  const median = rates[2]!;
  console.log(
    `sim replay, ${PACKETS / 1e6} million packets of ${PACKET} octets: ${millions(median)} (${millions(rates[0]!)} to ${millions(rates[4]!)}), ` +
      `goal ${millions(GOAL)}: ${median >= GOAL ? 'reached' : 'MISSED'}`,
  );
} finally {
  rmSync(folder, { recursive: true });
}

/** UDP over IPv4, raw IP, from random sources. */
function writeCapture(path: string): void {
  const fd = openSync(path, 'w');
  const header = Buffer.alloc(24);
  header.writeUInt32LE(0xa1b2c3d4, 0);
  header.writeUInt16LE(2, 4);
  header.writeUInt16LE(4, 6);
  header.writeUInt32LE(65535, 16);
  header.writeUInt32LE(101, 20);
  writeSync(fd, header);
  const chunk = Buffer.alloc(10_000 * RECORD);
  let random = 1;
  const next = (): number => {
    random ^= random << 13;
    random ^= random >>> 17;
    random ^= random << 5;
    return random >>> 0;
  };
  for (let written = 0; written < PACKETS; written += 10_000) {
    for (let at = 0; at < chunk.length; at += RECORD) {
      chunk.writeUInt32LE(Math.floor(written / 1e5), at);
      chunk.writeUInt32LE(PACKET, at + 8);
      chunk.writeUInt32LE(PACKET, at + 12);
      const ip = at + 16;
      chunk[ip] = 0x45;
      chunk.writeUInt16BE(PACKET, ip + 2);
      chunk[ip + 8] = 64;
      chunk[ip + 9] = 17;
      chunk.writeUInt32BE(next(), ip + 12);
      chunk.writeUInt32BE(0x0a000001, ip + 16);
      chunk.writeUInt16BE(next() & 0xffff, ip + 20);
      chunk.writeUInt16BE(5001, ip + 22);
    }
    writeSync(fd, chunk);
  }
  closeSync(fd);
}
