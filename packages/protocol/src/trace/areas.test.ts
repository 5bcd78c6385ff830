import { expect, test } from 'vitest';
import { ALL_AREAS, areaNames, formatMask, selection, traceMask } from './areas.js';

test.each([
  ['log', 1],
  ['packet', 2],
  ['frag', 4],
  ['flow-conf', 8],
  ['sctp', 16],
  ['target', 32],
  ['flows', 64],
  ['log,packet,frag,flow-conf,sctp,target,flows', 127],
])('--selection=%s is mask %i, as in C nfqlb', (text, mask) => {
  expect(selection(text)).toBe(mask);
  expect(areaNames(mask)).toBe(text);
});

test('all areas are selected by all names', () => expect(areaNames(0xffffffff)).toBe(areaNames(ALL_AREAS)));

test.each(['', 'packets', 'log,,packet', 'log packet', 'LOG'])('--selection=%j is refused', (text) =>
  expect(() => selection(text)).toThrow('must be'),
);

test.each([
  ['0', 0],
  ['66', 66],
  ['0x42', 66],
  ['0XffFFffff', 0xffffffff],
  ['4294967295', 0xffffffff],
])('--mask=%s', (text, mask) => expect(traceMask(text)).toBe(mask));

test.each(['', 'x', '-1', '0x', '1e3', '4294967296', '0x100000000', '1.5', ' 1'])('--mask=%j is refused', (text) =>
  expect(() => traceMask(text)).toThrow('must be a number from 0 to 4294967295, or 0x0 to 0xffffffff'),
);

test('a mask is printed as C nfqlb prints it', () => expect([formatMask(66), formatMask(-1)]).toEqual(['0x00000042', '0xffffffff']));
