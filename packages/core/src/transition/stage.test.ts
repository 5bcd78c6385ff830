import { describe, expect, test } from 'vitest';
import { extractKey } from '../key/extract.js';
import { PacketKey } from '../key/packet-key.js';
import { type PacketBuilder, packet } from '../packet-builder/index.js';
import { ETH_P_IP } from '../wire/ethertype.js';
import { Stage, stageOf } from './stage.js';

const ip = packet().ipv4('10.0.0.2', '10.0.0.1');

function stage(builder: PacketBuilder): Stage {
  const bytes = builder.build();
  const key = new PacketKey();
  return stageOf(key, extractKey(key, bytes, 0, bytes.length, ETH_P_IP, 0), bytes, false);
}

describe('what a TCP segment tells about its connection', () => {
  test.each<[string, number, Stage]>([
    ['SYN', 0x02, Stage.Begins],
    ['SYN with ECE and CWR (RFC 3168 §6.1.1)', 0xc2, Stage.Begins],
    ['SYN and ACK', 0x12, Stage.Continues],
    ['ACK', 0x10, Stage.Continues],
    ['PSH and ACK', 0x18, Stage.Continues],
    ['no flag', 0, Stage.Continues],
    ['FIN and ACK', 0x11, Stage.Ends],
    ['RST', 0x04, Stage.Ends],
    ['SYN and RST', 0x06, Stage.Ends],
  ])('%s', (_name, flags, expected) => expect(stage(ip.tcp(1024, 80, { flags }))).toBe(expected));
});

describe('what an SCTP packet tells about its association, by its first chunk', () => {
  // RFC 9260 §3.2.
  test.each<[string, number, Stage]>([
    ['DATA', 0, Stage.Continues],
    ['INIT', 1, Stage.Begins],
    ['INIT ACK', 2, Stage.Continues],
    ['ABORT', 6, Stage.Ends],
    ['SHUTDOWN', 7, Stage.Continues],
    ['SHUTDOWN ACK', 8, Stage.Ends],
    ['COOKIE ECHO', 10, Stage.Continues],
    ['SHUTDOWN COMPLETE', 14, Stage.Ends],
  ])('%s', (_name, type, expected) => expect(stage(ip.sctp(5000, 6000).payload(Uint8Array.of(type, 0, 0, 4)))).toBe(expected));
});
