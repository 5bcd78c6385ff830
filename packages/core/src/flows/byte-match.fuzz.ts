// Any text as a byte match: refused in one line, or the same again when it is formatted and parsed; and what it matches is what it says.

import { CoreError } from '../core-error.js';
import { extractKey } from '../key/extract.js';
import { PacketKey } from '../key/packet-key.js';
import { packet } from '../packet-builder/index.js';
import type { FuzzTarget } from '../testing/fuzz-target.js';
import { isTrue, same } from '../testing/invariant.js';
import { ETH_P_IP } from '../wire/ethertype.js';
import { type ByteMatch, formatByteMatch, parseByteMatch } from './byte-match.js';
import { compileFlows } from './compile-flows.js';
import { defineFlow } from './define-flow.js';
import { FlowLookup, NO_FLOW } from './flow-lookup.js';
import { FIXED_HEADER_LENGTH } from './flow-protocol.js';
import { FlowSet } from './flow-set.js';

const key = new PacketKey();
const NUMBERS = { tcp: 6, udp: 17, sctp: 132 } as const;

const target: FuzzTarget = {
  seeds: ['\x14\x50tcp[2:2] & 0xff = 0x50', '\x08\x00udp[0:4]=65535', '\x0c\x01sctp[4 : 1]=1'],
  words: ['tcp[', 'udp[', 'sctp[', ':1]', ':2]', ':4]', '&0x', '=', '0x', 'ffffffff', '4294967295', '4294967296', '19', ' '],
  run(input) {
    const present = input.u8();
    const octet = input.u8();
    const text = input.text();
    let match: ByteMatch;
    try {
      match = parseByteMatch(text);
    } catch (error) {
      if (!(error instanceof CoreError)) throw error;
      isTrue('an error of one line', !error.message.includes('\n') && error.message.length < 300, error.message);
      return;
    }
    const { protocol, offset, length, mask, value } = match;
    isTrue('a mask and a value that fit', mask > 0 && mask < 256 ** length && value >= 0 && value < 256 ** length, match);
    same('parsed again', parseByteMatch(formatByteMatch(match)), match);
    const header = Uint8Array.from({ length: Math.min(present, 32) }, (_, i) => (octet + 37 * i) & 255);
    const octets = packet().ipv4('10.0.0.2', '10.0.0.1').protocol(NUMBERS[protocol]).payload(header).build();
    const lookup = new FlowLookup(compileFlows(new FlowSet([defineFlow({ name: 'a', target: 't', match: [text] })])));
    const found = lookup.find(key, extractKey(key, octets, 0, octets.length, ETH_P_IP, 0), octets);
    const field = header.slice(offset, offset + length).reduce((sum, each) => (sum << 8n) | BigInt(each), 0n);
    const matches = header.length >= FIXED_HEADER_LENGTH[protocol] && (field & BigInt(mask)) === BigInt(value);
    same('matches', found !== NO_FLOW, matches);
  },
};
export default target;
