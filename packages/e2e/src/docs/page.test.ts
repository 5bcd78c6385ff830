import { expect, test } from 'vitest';
import { type Block, readPage } from './page.js';
import { matches, normalized } from './shown-output.js';

const fence = '```';

function blockOf(markdown: string): Block {
  const [step, ...more] = readPage('page.md', markdown);
  if (step?.type !== 'block' || more.length > 0) throw new Error('not one block');
  return step.block;
}

test('commands end with their output, a here-document, or a continued line', () => {
  const block = blockOf(`${fence}\n$ one\nout\n\nput\n$ two <<'END'\n$ text\nEND\n$ three \\\n  more\n${fence}`);
  expect(block.name).toBe('page.md: one');
  expect(block.commands).toEqual([
    { text: 'one', output: 'out\n\nput' },
    { text: "two <<'END'\n$ text\nEND", output: undefined },
    { text: 'three \\\n  more', output: undefined },
  ]);
});

test('without prompts every line is a command', () => {
  expect(blockOf(`${fence}sh\none\n\ntwo   # why\n${fence}`).commands.map(({ text }) => text)).toEqual(['one', 'two   # why']);
});

test('comments are about the next block only', () => {
  const steps = readPage(
    'page.md',
    `<!-- status 3 -->\n\n<!-- varies \\d+ -->\n\n${fence}\n$ a\n${fence}\n\n<!-- run\nhidden\n-->\n\n<!-- fresh -->\n\n${fence}\n$ a\n${fence}`,
  );
  expect(steps.map((step) => (step.type === 'block' ? [step.block.name, step.block.status, step.block.varies.length] : step))).toEqual([
    ['page.md: a', 3, 1],
    { type: 'run', text: 'hidden' },
    { type: 'fresh' },
    ['page.md: a #2', 0, 0],
  ]);
});

test('nothing is passed over: a language that is not known, a comment with a typing error', () => {
  expect(() => readPage('page.md', `${fence}bash\nrm\n${fence}`)).toThrow('page.md: rm: language bash: must be one of text');
  expect(() => readPage('page.md', '<!-- frsh -->')).toThrow('page.md: <!-- frsh -->: unknown');
});

test.each<[string, string, boolean]>([
  ['a\nb', 'a\nb', true],
  ['a\nb', 'a\nb\nc', false],
  ['a', 'b', false],
  ['a … c', 'a b c', true],
  ['a\n…\nd', 'a\nb\nc\nd', true],
  ['a\n…\nd', 'a\nd', true],
  ['a\n…\nd', 'a\nb', false],
  // What always differs:
  ['lb (pid 7) 12:00:01 ae:90:d7:51:1a:43 (6.1.0-18-amd64)', 'lb (pid 4711) 23:59:59.123 02:00:00:00:00:01 (6.18.44-fc)', true],
  ['pid 7, 5 packets', 'pid 8, 6 packets', false],
])('%j shown, %j printed', (shown, printed, expected) => {
  expect(matches(normalized(shown, []), normalized(printed, []))).toBe(expected);
});
