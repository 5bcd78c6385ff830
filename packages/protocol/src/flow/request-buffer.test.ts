import fc from 'fast-check';
import { expect, test } from 'vitest';
import { RequestBuffer } from './request-buffer.js';

test('a line that begins with eoc: completes a request, however it is split', () => {
  const line = fc.oneof(fc.constantFrom('eoc:', 'eoc', ' eoc:', 'srcs:eoc:', 'name:ä', ''), fc.string({ maxLength: 8 }));
  fc.assert(
    fc.property(fc.array(line, { maxLength: 6 }), fc.array(fc.integer({ min: 1, max: 9 }), { minLength: 1 }), (lines, sizes) => {
      const octets = Buffer.from(lines.join('\n'));
      const request = new RequestBuffer();
      let isComplete = false;
      for (let at = 0, i = 0; at < octets.length; i++) {
        const chunk = octets.subarray(at, at + sizes[i % sizes.length]!);
        at += chunk.length;
        isComplete = request.append(chunk) || isComplete;
        expect(isComplete).toBe(`\n${octets.subarray(0, at).toString('latin1')}`.includes('\neoc:'));
      }
      expect(request.text).toBe(octets.toString());
      expect(request.length).toBe(octets.length);
    }),
  );
});

test('chunks that look like the end cost no more than others: each octet is searched once', () => {
  const request = new RequestBuffer();
  let searched = 0;
  let copied = 0;
  const { includes, copy } = Buffer.prototype;
  Buffer.prototype.includes = function (this: Buffer, ...args: Parameters<typeof includes>) {
    searched += this.length;
    return includes.apply(this, args);
  } as typeof includes;
  Buffer.prototype.copy = function (this: Buffer, ...args: Parameters<typeof copy>) {
    const octets = copy.apply(this, args);
    copied += octets;
    return octets;
  } as typeof copy;
  try {
    const chunk = Buffer.from('srcs:eoc:10.0.0.0/8,');
    for (let i = 0; i < 10_000; i++) expect(request.append(chunk)).toBe(false);
  } finally {
    Object.assign(Buffer.prototype, { includes, copy });
  }
  expect(searched).toBeLessThan(2 * request.length);
  expect(copied).toBeLessThan(4 * request.length);
});
