// The README's examples, run as they are written: only the targets' addresses are those of the topology. And its links.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { EchoServers } from '../traffic/echo.js';
import { ask } from '../traffic/questions.js';
import { answering } from './application.js';
import { NFQLB } from './program.js';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const README = readFileSync(`${ROOT}README.md`, 'utf8');

/** The block of commands after `<!-- example: NAME -->`. */
function example(name: string): string {
  const block = new RegExp(`<!-- example: ${name} -->\\n+\`\`\`\\n([\\s\\S]*?)\`\`\``).exec(README)?.[1];
  if (block === undefined) throw new Error(`README.md: no block of commands after <!-- example: ${name} -->`);
  return block;
}

test('the README links only to files and headings that exist', () => {
  const links = [...README.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link]) => link!).filter((link) => !/^https?:/.test(link));
  expect(links.length).toBeGreaterThan(20);
  const headings = (page: string): string[] =>
    [...page.matchAll(/^#+ (.*)$/gm)].map(([, text]) =>
      text!
        .toLowerCase()
        .replace(/[^\p{L}\d _-]/gu, '')
        .replaceAll(' ', '-'),
    );
  const broken = links.filter((link) => {
    const [path, heading] = link.split('#') as [string, string?];
    if (path !== '' && !existsSync(ROOT + path)) return true;
    return heading !== undefined && !headings(path === '' ? README : readFileSync(ROOT + path, 'utf8')).includes(heading);
  });
  expect(broken).toEqual([]);
});

test.each(['packet-path', 'demo', 'top'])('the picture %s has a title and a description', (name) => {
  const svg = readFileSync(`${ROOT}docs/images/${name}.svg`, 'utf8');
  expect(svg).toMatch(/<svg [^>]*role="img" aria-labelledby="title desc"/);
  expect(svg).toMatch(/<title id="title">[^<]{10,}<\/title>\s*<desc id="desc">[^<]{40,}<\/desc>/);
});

describeLive(
  'the README’s example',
  () => {
    test.each(['dsr', 'nat'] as const)('with %s balances connections to both targets', async (mode) => {
      await using net = await Topology.create({ targets: 2, mode });
      await using _echo = await EchoServers.start(net);
      const commands = net.targets.reduce(
        (text, { number, host }) => text.replaceAll(`192.168.1.${number} `, `${net.lb.wire(host).peer.ipv4} `),
        example(mode).replaceAll('192.168.1.2\n', '192.168.1.2 \n'),
      );
      expect(commands).not.toContain('192.168');
      const script = ['set -e', 'mount -t tmpfs tmpfs /dev/shm', `nfqlb() { ${NFQLB.command.join(' ')} "$@"; }`, commands];
      // The default names of shared memory belong to the whole machine: the example gets a /dev/shm of its own.
      await using lb = await net.lb.spawn(['unshare', '--mount', '--kill-child', '--fork', 'sh', '-c', script.join('\n')]);
      await lb.waitForOutput(/listening/, 20_000);
      for (const protocol of ['tcp', 'udp'] as const) {
        const answers = await ask(net, { protocol, connections: 40, timeout: 5000 });
        expect(answers).toMatchObject({ answered: 40, broken: 0, moved: 0 });
        expect(answering(answers)).toEqual([1, 2]);
      }
    });
  },
  NFQLB,
);
