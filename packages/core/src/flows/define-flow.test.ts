import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { formatCidr } from '../address/index.js';
import { CoreError } from '../core-error.js';
import { defineFlow, type FlowDefinition, requireNetworks } from './define-flow.js';

const define = (definition: Partial<FlowDefinition>) => defineFlow({ name: 'web', target: 'table', ...definition });

/** The error for a refused definition. */
function refusal(definition: Partial<FlowDefinition>): CoreError {
  try {
    define(definition);
  } catch (error) {
    if (error instanceof CoreError) return error;
    throw error;
  }
  throw new Error(`accepted: ${JSON.stringify(definition)}`);
}

test('a flow with only a name and a target has no conditions', () => {
  const defaults = { priority: 0, protocols: [], dsts: [], srcs: [], dports: [], sports: [], match: [], udpencap: 0 };
  expect(define({})).toEqual({ name: 'web', target: 'table', ...defaults });
  expect(define({ priority: '', protocols: '', dsts: [], srcs: '', dports: [], sports: '', match: [], udpencap: '' })).toEqual(define({}));
});

test('lists can be text, as in flow commands, or arrays, as in files', () => {
  const text = {
    priority: '100',
    protocols: 'tcp,udp',
    dsts: '10.0.0.1/32, 1000::/112',
    srcs: '192.168.0.0/16',
    dports: '80,443,8000-8099',
    sports: '1024-65535',
    match: 'tcp[2:2] = 80,udp[0 : 1]&0xf0=0x10',
  };
  const arrays = {
    priority: 100,
    protocols: ['tcp', 'udp'],
    dsts: ['10.0.0.1/32', '1000::/112'],
    srcs: ['192.168.0.0/16'],
    dports: [80, '443', '8000-8099'],
    sports: ['1024-65535'],
    match: ['tcp[2:2] = 80', 'udp[0 : 1]&0xf0=0x10'],
  };
  expect(define(text)).toEqual(define(arrays));
  expect(define(text)).toMatchObject({
    priority: 100,
    protocols: ['tcp', 'udp'],
    dports: [
      { first: 80, last: 80 },
      { first: 443, last: 443 },
      { first: 8000, last: 8099 },
    ],
    match: [
      { protocol: 'tcp', offset: 2, length: 2, mask: 0xffff, value: 80 },
      { protocol: 'udp', offset: 0, length: 1, mask: 0xf0, value: 0x10 },
    ],
  });
});

test('protocols are accepted in upper and lower case, twice, and in any order', () => {
  expect(define({ protocols: 'SCTP,Tcp,sctp' }).protocols).toEqual(['tcp', 'sctp']);
});

test('bits after the prefix are cleared, and mapped IPv4 is IPv4', () => {
  const { dsts } = define({ dsts: '10.1.2.3/8,::ffff:10.1.2.3/104,2001:db8::1/32,::ffff:10.0.0.0/90' });
  expect(dsts.map(formatCidr)).toEqual(['10.0.0.0/8', '10.0.0.0/8', '2001:db8::/32', '::ffc0:0:0/90']);
});

test('overlapping and adjacent port ranges are merged', () => {
  const { dports } = define({ dports: '80-90,443,85-100,101,444-445,7,7' });
  expect(dports).toEqual([
    { first: 7, last: 7 },
    { first: 80, last: 101 },
    { first: 443, last: 445 },
  ]);
});

test('names of 1000 characters and lists of any length are accepted', () => {
  const name = 'aZ09+_-x'.repeat(125);
  const dsts = Array.from({ length: 1000 }, (_, i) => `10.0.${i >> 8}.${i & 255}/32`);
  const dports = Array.from({ length: 2000 }, (_, i) => 2 * i + 1);
  const flow = define({ name, dsts: dsts.join(), dports: dports.join() });
  expect(flow.name).toHaveLength(1000);
  expect(flow.dsts).toHaveLength(1000);
  expect(flow.dports).toHaveLength(2000);
});

test('maximum values are accepted', () => {
  const maximum = { priority: 4294967295, protocols: 'sctp', dports: '65535', udpencap: 65535, match: 'tcp[16:4]&0xffffffff=4294967295' };
  expect(define(maximum)).toMatchObject({ priority: 4294967295, udpencap: 65535 });
  expect(define({ priority: '010', dports: '010', match: 'tcp[010:1]=010' })).toMatchObject({
    priority: 10,
    dports: [{ first: 10, last: 10 }],
    match: [{ offset: 10, value: 10 }],
  });
});

describe('refuses', () => {
  test.each<[string, Partial<FlowDefinition>, RegExp]>([
    ['a name with #', { name: '#web' }, /^name "#web": must be 1 to 1000 of the characters/],
    ['no name', { name: '' }, /^name "": /],
    ['a name with quotes', { name: 'we"b' }, /^name "we\\"b": /],
    ['a name with a newline at the end', { name: 'web\n' }, /^name "web\\n": /],
    ['a name with two lines', { name: 'we\nb' }, /^name "we\\nb": /],
    ['a name with a space', { name: 'w b' }, /^name /],
    ['a name with a non-ASCII letter', { name: 'wéb' }, /^name /],
    ['a name of 1001 characters', { name: 'a'.repeat(1001) }, /^name "a{80}…": /],
    ['no target', { target: '' }, /^target "": must be the name of a table/],
    ['a target with a slash', { target: 'a/b' }, /^target "a\/b": /],
    ['a target with a newline', { target: 'a\nb' }, /^target "a\\nb": /],
    ['a negative priority', { priority: -1 }, /^priority "-1": must be a whole number from 0 to 4294967295$/],
    ['a priority of more than 32 bits', { priority: 4294967296 }, /^priority "4294967296": /],
    ['a fractional priority', { priority: 0.5 }, /^priority "0.5": /],
    ['a priority with trailing text', { priority: '1x' }, /^priority "1x": /],
    ['a priority with a sign', { priority: '+1' }, /^priority "\+1": /],
    ['a protocol without ports', { protocols: 'tcp,icmp' }, /^protocols "icmp": must be one of tcp, udp, sctp$/],
    ['a protocol number', { protocols: ['6'] }, /^protocols "6": /],
    ['an address without a prefix length', { dsts: '10.0.0.1' }, /^dsts "10.0.0.1": must be ADDRESS\/PREFIX/],
    ['a prefix that is too long', { dsts: '10.0.0.0/33' }, /^dsts "10.0.0.0\/33": /],
    ['a prefix that is too long for IPv6', { srcs: '2000::/129' }, /^srcs "2000::\/129": /],
    ['a negative prefix length', { dsts: '10.0.0.0/-1' }, /^dsts /],
    ['a prefix length with trailing text', { dsts: '10.0.0.0/24x' }, /^dsts /],
    ['an empty member', { dsts: '10.0.0.0/8,' }, /^dsts "": /],
    ['port 0', { dports: '0' }, /^dports "0": must be a port from 1 to 65535, or a range such as 8000-8099$/],
    ['port 65536', { dports: [80, 65536] }, /^dports "65536": /],
    ['a port that wraps to a valid one', { dports: '4294967376' }, /^dports "4294967376": /],
    ['a reversed range', { sports: '5-3' }, /^sports "5-3": /],
    ['a range from 0', { sports: '0-10' }, /^sports "0-10": /],
    ['a range beyond the last port', { dports: '1-65536' }, /^dports "1-65536": /],
    ['half a range', { dports: '5-' }, /^dports "5-": /],
    ['a range of three ports', { dports: '1-2-3' }, /^dports "1-2-3": /],
    ['a port with a sign', { dports: '+80' }, /^dports "\+80": /],
    ['a hexadecimal port', { dports: '0x50' }, /^dports "0x50": /],
    ['a port with a newline', { dports: ['80\n'] }, /^dports "80\\n": /],
    ['a byte match without a length', { match: 'tcp[2]=1' }, /^match "tcp\[2\]=1": must be PROTOCOL\[OFFSET:LENGTH\]/],
    ['a byte match beyond the header', { match: 'udp[7:2]=1' }, /^match "udp\[7:2\]=1": must end within the 8 octets of the udp header$/],
    ['an offset that overflows', { match: 'tcp[4294967295:1]=1' }, /must end within the 20 octets/],
    ['an offset of 400 digits', { match: `tcp[${'9'.repeat(400)}:1]=1` }, /must end within the 20 octets/],
    ['a mask of 0', { match: 'tcp[0:1]&0x0=0' }, /mask must be from 0x1 to 0xff$/],
    ['a mask wider than the field', { match: 'tcp[0:1]&0x100=0' }, /mask must be from 0x1 to 0xff$/],
    ['a value wider than the field', { match: 'tcp[0:2]=65536' }, /value must be from 0 to 0xffff$/],
    ['a value wider than any field', { match: 'tcp[0:4]=4294967296' }, /value must be from 0 to 0xffffffff$/],
    ['a decimal mask', { match: 'tcp[0:1]&1=1' }, /must be PROTOCOL/],
    ['a negative value', { match: 'tcp[0:1]=-1' }, /must be PROTOCOL/],
    ['upper-case hexadecimal digits', { match: 'tcp[0:1]=0xFF' }, /must be PROTOCOL/],
    ['a byte match with a newline', { match: ['tcp[0:1]=1\n'] }, /must be PROTOCOL/],
    ['an invalid encapsulation port', { protocols: 'sctp', udpencap: 65536 }, /^udpencap "65536": must be .* 0 to 65535$/],
    ['an encapsulation port without a protocol', { udpencap: 9899 }, /^udpencap 9899: only allowed with protocols sctp, not with any$/],
    [
      'an encapsulation port with TCP',
      { protocols: 'tcp,sctp', udpencap: '9899' },
      /^udpencap 9899: only allowed with protocols sctp, not with tcp,sctp$/,
    ],
  ])('%s', (_name, definition, message) => {
    const error = refusal(definition);
    expect(error.message).toMatch(message);
    expect(error.message).not.toContain('\n');
    expect(error.message.length).toBeLessThan(300);
  });

  const { refused } = JSON.parse(readFileSync(new URL('../../test-data/flows.json', import.meta.url), 'utf8')) as {
    refused: { flow: Partial<FlowDefinition>; c: string }[];
  };
  test.each(refused.map(({ flow, c }) => [JSON.stringify(flow), c, flow] as const))(
    'definitions that C nfqlb refuses: %s, %s',
    (_flow, _c, flow) => {
      const [field, [value]] = Object.entries(flow).at(-1) as [string, string[]];
      // The last member of each is the invalid one.
      expect(refusal(flow).message).toContain(`${field} ${JSON.stringify((flow[field as 'match'] as string[]).at(-1) ?? value)}: `);
    },
  );

  test('conflicts with their own code', () => {
    expect(refusal({ udpencap: 1 }).code).toBe('conflict');
    expect(refusal({ dports: '0' }).code).toBe('out-of-range');
  });
});

describe('networks in files and on the command line', () => {
  test.each([
    [
      { dsts: '10.0.0.0/24,10.0.0.1/24' },
      'dsts "10.0.0.1/24": has bits behind the prefix; must be 10.0.0.0/24, or 10.0.0.1/32 for the one address',
    ],
    [
      { srcs: ['2001:db8::1/64'] },
      'srcs "2001:db8::1/64": has bits behind the prefix; must be 2001:db8::/64, or 2001:db8::1/128 for the one address',
    ],
    [
      { srcs: '::ffff:10.0.0.1/104' },
      'srcs "::ffff:10.0.0.1/104": has bits behind the prefix; must be 10.0.0.0/8, or 10.0.0.1/32 for the one address',
    ],
  ])('must not have host bits: %j', (definition, message) => {
    expect(() => requireNetworks(definition)).toThrow(new CoreError('out-of-range', message));
  });

  test('may be networks and single addresses', () => {
    requireNetworks({ dsts: '0.0.0.0/0,10.0.0.0/8,10.0.0.1/32,::/0,2001:db8::/32,2001:db8::1/128', srcs: [] });
    requireNetworks({});
  });
});
