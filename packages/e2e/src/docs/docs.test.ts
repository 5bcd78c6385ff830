// Runs the commands of all pages in docs/, and compares what they print with what the pages show.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import { describeLive } from '../testing/describe-live.js';
import { runAll, TIMEOUT_MS, type ToRun } from './environment.js';
import { NOT_RUN } from './not-run.js';
import { type Block, readPage, type Step } from './page.js';
import { matches, normalized } from './shown-output.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const DOCS = `${ROOT}docs`;

/** All of docs/, and the project's README. */
const PAGES = ['../README.md', ...readdirSync(DOCS).filter((name) => name.endsWith('.md'))].map((page) => ({
  page,
  steps: readPage(page, readFileSync(`${DOCS}/${page}`, 'utf8')),
}));

const blocksOf = (steps: readonly Step[]): Block[] => steps.flatMap((step) => (step.type === 'block' ? step.block : []));
const ALL = PAGES.flatMap(({ steps }) => blocksOf(steps));
const shouldRun = ({ name, commands }: Block): boolean => commands.length > 0 && !NOT_RUN.has(name);

/** A command to be run, and what the page says about it; nothing about hidden ones. */
interface Expectation {
  readonly block: Block | undefined;
  readonly command: string;
  readonly output: string | undefined;
  readonly status: number;
}

/** The commands of a page up to where it asks for a fresh environment. */
interface Stretch {
  readonly commands: ToRun[];
  readonly expected: Expectation[];
  readonly files: Map<number, readonly [name: string, text: string]>;
}

function stretchesOf(steps: readonly Step[]): Stretch[] {
  const stretches: Stretch[] = [{ commands: [], expected: [], files: new Map() }];
  for (const step of steps) {
    const { commands, expected, files } = stretches.at(-1)!;
    if (step.type === 'fresh') stretches.push({ commands: [], expected: [], files: new Map() });
    else if (step.type === 'run') {
      commands.push({ text: step.text, background: false });
      expected.push({ block: undefined, command: step.text, output: undefined, status: 0 });
    } else {
      const { block } = step;
      if (block.isFile !== undefined) {
        files.set(commands.length, [block.isFile, block.text]);
        commands.push({ text: ':', background: false });
        expected.push({ block: undefined, command: block.isFile, output: undefined, status: 0 });
      }
      if (!shouldRun(block)) continue;
      for (const [i, { text, output }] of block.commands.entries()) {
        const isLast = i === block.commands.length - 1;
        const inBackground = /[^&]&\s*(?:#.*)?$/.exec(text);
        const background = inBackground !== null || (isLast && block.background);
        commands.push({ text: inBackground ? text.slice(0, inBackground.index + 1) : text, background });
        expected.push({ block, command: text, output: background ? undefined : output, status: isLast && !background ? block.status : 0 });
      }
    }
  }
  return stretches.filter(({ commands }) => commands.length > 0);
}

describe('pages of docs/', () => {
  test('name as not run only shell blocks that exist', () => {
    const shell = new Set(ALL.filter(({ commands }) => commands.length > 0).map(({ name }) => name));
    expect([...NOT_RUN.keys()].filter((name) => !shell.has(name))).toEqual([]);
  });

  test('quote files of the repository as they are', () => {
    const quotes = ALL.filter(({ isFrom }) => isFrom !== undefined);
    expect(quotes.length).toBeGreaterThan(0);
    for (const { name, text, isFrom } of quotes) expect(readFileSync(`${ROOT}${isFrom}`, 'utf8'), name).toContain(text);
  });

  test('are all in the index, which names no others', () => {
    const index = readFileSync(`${DOCS}/README.md`, 'utf8');
    const linked = new Set([...index.matchAll(/\]\(([\w-]+\.md)\)/g)].map(([, page]) => page));
    expect([...linked].sort()).toEqual(
      PAGES.map(({ page }) => page)
        .filter((page) => !page.endsWith('README.md'))
        .sort(),
    );
  });
});

describeLive(
  'the commands of',
  () => {
    const runnable = PAGES.map(({ page, steps }) => ({ page, stretches: stretchesOf(steps) })).filter(({ stretches }) =>
      stretches.some(({ expected }) => expected.some(({ block }) => block !== undefined)),
    );
    test.each(runnable)('$page', { timeout: TIMEOUT_MS + 10_000 }, async ({ stretches }) => {
      for (const { commands, expected, files } of stretches) {
        const ran = await runAll(commands, files);
        // All at once, to see everything that is wrong with a page.
        const problems = expected.flatMap((expectation, i) => problemWith(expectation, ran[i]));
        expect(problems.join('\n\n')).toBe('');
      }
    });
  },
  NFQLB,
  { bird: 'bird2', curl: 'curl', unshare: 'util-linux', etcd: 'etcd-server', etcdctl: 'etcd-client' },
);

function problemWith(
  { block, command, output, status }: Expectation,
  ran: Awaited<ReturnType<typeof runAll>>[number] | undefined,
): string[] {
  const title = block === undefined ? `hidden: ${command}` : `${block.name}\n$ ${command}`;
  if (ran === undefined) return [`${title}\nnot run, or did not end`];
  if (ran.status !== status) return [`${title}\nexit status ${ran.status}, not ${status}:\n${ran.output}`];
  if (output === undefined) return [];
  const varies = block?.varies ?? [];
  const [shown, actual] = [normalized(output, varies), normalized(ran.output, varies)];
  return matches(shown, actual) ? [] : [`${title}\nthe page shows\n${shown}\nit printed\n${actual}\n(as is)\n${ran.output}`];
}
