// `pnpm pictures`: runs commands in a terminal, under real traffic, and makes the pictures of it in docs/images/.
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { E2eError } from '../e2e-error.js';
import { LoadBalancer } from '../load-balancer/load-balancer.js';
import { NFQLB } from '../load-balancer/program.js';
import { missingPrerequisites } from '../prerequisites.js';
import { run } from '../processes/running.js';
import { PseudoTerminal } from '../top/pseudo-terminal.js';
import { Topology } from '../topology/topology.js';
import { Receiver } from '../traffic/receiver.js';
import { Sender } from '../traffic/sender.js';
import { type PictureText, terminalSvg } from './terminal-svg.js';

const IMAGES = fileURLToPath(new URL('../../../../docs/images/', import.meta.url));

const COLUMNS = 100;

/** In the terminal `nfqlb` is the built program, as if it were installed. */
const DEFINE_NFQLB = `nfqlb() { ${NFQLB.command.join(' ')} "$@"; }; clear`;

/** `nfqlb demo`, on this machine's own network namespace, as a user runs it. */
async function demo(): Promise<void> {
  await using terminal = await PseudoTerminal.open({ run }, COLUMNS, 40);
  await terminal.type(DEFINE_NFQLB);
  await terminal.waitForScreen(/^\$ *\n\s*$/);
  await terminal.type('nfqlb demo');
  await terminal.waitForScreen(/where it was in the beginning\.\n\$/, 60_000);
  const lines = (await terminal.colouredScreen()).join('\n').trimEnd().split('\n');
  // The last line is the next prompt.
  save('demo', lines.slice(0, -1), {
    title: 'nfqlb demo in a terminal',
    description:
      'The demo sets up a load balancer and three targets, takes target 2 out and back under traffic, and reports that no question was lost.',
  });
}

/** Two applications: what sends to them, and how much. */
const APPLICATIONS = [
  { name: 'web', port: 443, rate: 6000, length: 1200, targets: [1, 2, 3] },
  { name: 'dns', port: 53, rate: 2500, length: 90, targets: [3, 4] },
] as const;

/** `nfqlb top` of a flowlb with two applications and some fragments. */
async function top(): Promise<void> {
  const inUse = APPLICATIONS.find(({ name }) => existsSync(`/dev/shm/${name}`));
  if (inUse) throw new E2eError('conflict', `shared memory ${inUse.name}: exists; delete it first, for example with nfqlb delete`);
  await using net = await Topology.create({ targets: 4 });
  await using lb = await LoadBalancer.start(net, { flows: true, targets: [], queue: '0:3', options: ['--qlength=4096'] });
  try {
    for (const { name, port, targets } of APPLICATIONS) {
      await lb.run('init', `--shm=${name}`);
      await lb.run('activate', `--shm=${name}`, ...targets.map((number) => String(net.target(number).fwmark)));
      await lb.run('flow-set', `--name=${name}`, `--target=${name}`, '--protocols=udp', `--dports=${port}`, `--dsts=${net.vip4}/32`);
    }
    const [web, dns] = APPLICATIONS;
    // Receivers, so that targets do not answer with ICMP errors.
    await using _web = await Receiver.start(net, { port: web.port, period: 1000 });
    await using _dns = await Receiver.start(net, { port: dns.port, period: 1000 });
    const flows = { sourceAddresses: 20, sourcePorts: 100, seconds: 60 };
    await using _sendWeb = await Sender.start(net, { ...flows, ...web });
    await using _sendDns = await Sender.start(net, { ...flows, ...dns });
    await using _sendFragments = await Sender.start(net, { ...flows, port: dns.port, rate: 100, length: 1400, fragmentOctets: 800 });
    await using terminal = await PseudoTerminal.open(net.lb, COLUMNS, 22);
    await terminal.type(DEFINE_NFQLB);
    await terminal.type('nfqlb top');
    await terminal.waitForScreen(/^FLOW /m);
    // Until all senders have sent for a whole interval.
    await sleep(4000);
    save('top', await terminal.colouredScreen(), {
      title: 'nfqlb top in a terminal',
      description:
        'The four queues of a load balancer, its fragments, the share of each of four targets, and the packets per second of two flows.',
    });
    await terminal.press('q');
  } finally {
    for (const { name } of APPLICATIONS) if (existsSync(`/dev/shm/${name}`)) await lb.run('delete', `--shm=${name}`);
  }
}

function save(name: string, lines: readonly string[], text: PictureText): void {
  mkdirSync(IMAGES, { recursive: true });
  writeFileSync(`${IMAGES}${name}.svg`, terminalSvg(lines, COLUMNS, text));
  process.stdout.write(`docs/images/${name}.svg\n`);
}

const missing = missingPrerequisites({ tmux: 'tmux' });
if (missing.length > 0) {
  process.stderr.write(`pictures: needs ${missing.join('; ')}\n`);
  process.exit(1);
}
await demo();
await top();
