import { expect, test } from 'vitest';
import { canRedraw, isStyled } from './terminal.js';

test.each([
  [{ isTTY: true }, { TERM: 'xterm' }, true],
  [{ isTTY: true }, {}, true],
  [{ isTTY: true }, { TERM: 'dumb' }, false],
  [{}, { TERM: 'xterm' }, false],
])('%j with %j can be drawn over: %j', (stream, env, can) => expect(canRedraw(stream, env)).toBe(can));

test.each([
  [{}, true],
  // no-color.org: only when it is not empty.
  [{ NO_COLOR: '' }, true],
  [{ NO_COLOR: '1' }, false],
  [{ NO_COLOR: '0' }, false],
])('%j: styles %j', (env, styled) => expect(isStyled(env)).toBe(styled));
