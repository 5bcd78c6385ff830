// `nfqlb run` knows its rules and routes in the words of the kernel's programs: what nobody has changed it leaves alone.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { NFQLB } from '../load-balancer/program.js';
import { makeBare } from '../setup/router.js';
import { describeLive } from '../testing/describe-live.js';
import { Topology } from '../topology/topology.js';
import { NAT_VIPS, Site, targetOf } from './site.js';

/** Rules and routes are looked at every 2 s. */
const SEVERAL_LOOKS_MS = 5000;

/** A folder where `iptables` and the like are those of a variant. */
class Variant implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), 'nfqlb-iptables-'));

  constructor(variant: string) {
    for (const name of ['iptables', 'ip6tables'].flatMap((program) => [program, `${program}-save`, `${program}-restore`])) {
      const of = name.replace('tables', `tables-${variant}`);
      const PATH = `${process.env.PATH}:/usr/sbin:/sbin`;
      symlinkSync(execFileSync('sh', ['-c', `command -v ${of}`], { encoding: 'utf8', env: { PATH } }).trim(), join(this.folder, name));
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true });
  }
}

describeLive(
  'rules and routes',
  () => {
    test.each(['nft', 'legacy'])('of every kind, made by iptables-%s, are whole; what is removed comes back, once', async (name) => {
      await using net = await Topology.create({ targets: 4 });
      await makeBare(net);
      using variant = new Variant(name);
      const withVariant = ['env', `PATH=${variant.folder}:${process.env.PATH}`];
      await using site = new Site(net, net.lb, withVariant);
      const [one, two, three, four] = net.targets.map((target) => targetOf(net, target));
      const [direct, translated, saved] = ['direct', 'translated', 'saved'].map((table) => net.sharedMemory(table)) as [
        string,
        string,
        string,
      ];
      const tables = {
        // An address that has several notations.
        [direct]: { mode: 'dsr', vips: [`${net.vip4}/32`, `${net.vip6}/128`, '::102:304/128'], targets: [one, two] },
        [translated]: { mode: 'nat', vips: [`${NAT_VIPS[4]}/32`, `${NAT_VIPS[6]}/128`], targets: [three, four] },
        [saved]: { mode: 'nat', vips: ['10.0.0.4/32', '1000::4/128', '10.7.0.0/16'], 'syn-only': true, targets: [three, four] },
      };
      site.write({ tables, options: { queue: '0:4', fragment_queue: 4 } });
      await site.start();
      const told = (): string[] => site.process.stderr.match(/.*somebody else has changed it.*/g) ?? [];
      const degradations = async (): Promise<unknown> => JSON.parse(await site.run('run', '--status', '--json')).degradations;
      await pause(SEVERAL_LOOKS_MS);
      expect(told()).toEqual([]);
      expect(await degradations()).toEqual([]);

      const chain = (): Promise<string> => net.lb.run([...withVariant, 'iptables', '-t', 'mangle', '-S', 'NFQLB']);
      const atFirst = await chain();
      expect(atFirst).toContain('-m u32');
      await net.lb.run([...withVariant, 'iptables', '-t', 'mangle', '-F', 'NFQLB']);
      await expect.poll(chain, { timeout: 15_000 }).toBe(atFirst);
      await pause(SEVERAL_LOOKS_MS);
      expect(told()).toEqual([expect.stringContaining('missing: iptables -t mangle -A NFQLB -d 10.0.0.')]);
      expect(await degradations()).toEqual([]);
    });
  },
  NFQLB,
  { 'iptables-legacy': 'iptables', 'iptables-nft': 'iptables' },
);
