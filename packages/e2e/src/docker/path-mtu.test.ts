// Path MTU discovery between containers: a client behind a router's narrow link.

import { afterAll, describe, expect } from 'vitest';
import type { Family } from '../matrix/behaviours.js';
import { behaviour } from '../testing/behaviour.js';
import { describeDocker } from '../testing/describe-docker.js';
import { sharedSite } from '../testing/shared-site.js';
import { docker, TARGET_IMAGE } from './engine.js';
import { Machine } from './machine.js';
import { HOST_SYSCTLS, type Site, VIP } from './site.js';
import { SiteNetwork } from './site-network.js';

const NARROW = 1300;
const LARGE = 5_000_000;
const PORT = 8080;
const SERVER = `require("node:http").createServer((_, response) => response.end(Buffer.alloc(${LARGE}))).listen(${PORT}, "::")`;

/** Puts a client behind a router with a narrow link to it; returns the client and a function that removes both. */
async function addFarClient(site: Site): Promise<{ client: Machine; remove: () => Promise<void> }> {
  const far = await SiteNetwork.create('far');
  const machines: Machine[] = [];
  const remove = async (): Promise<void> => {
    await docker('rm', '--force', '--volumes', ...machines.map(({ id }) => id));
    await far.remove();
  };
  const start = async (name: string, networks: readonly SiteNetwork[], forwarding: '0' | '1'): Promise<Machine> => {
    const sysctls = { ...HOST_SYSCTLS, 'net.ipv4.ip_forward': forwarding, 'net.ipv6.conf.all.forwarding': forwarding };
    const machine = await Machine.start({ image: TARGET_IMAGE, name, networks, command: ['sleep', 'infinity'], sysctls });
    machines.push(machine);
    return machine;
  };
  try {
    const router = await start('router', [site.front, far], '1');
    const client = await start('far', [far], '0');
    for (const family of [4, 6] as const) {
      const route = `ip -${family} route replace`;
      const farClient = client.address(far, family);
      await client.script(`${route} ${VIP[family]} via ${router.address(far, family)}`);
      await router.script(`${route} ${VIP[family]} via ${site.lb.address(site.front, family)}`);
      for (const target of site.targets) await target.script(`${route} ${farClient} via ${router.address(site.front, family)}`);
    }
    // The client's own MTU stays 1500: it is unaware of the link and announces full-size segments.
    await router.script(
      `device=$(ip -brief -4 address show | grep -F ' ${router.address(far, 4)}/' | cut -d@ -f1)`,
      `ip link set "$device" mtu ${NARROW}`,
    );
    return { client, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

/** curl's exit status, and how many octets it received. */
async function download(client: Machine, family: Family): Promise<string> {
  const url = `http://${family === 4 ? VIP[4] : `[${VIP[6]}]`}:${PORT}/`;
  const write = ['--output', '/dev/null', '--write-out', '%{exitcode} %{size_download}'];
  const { stdout } = await client.attempt('curl', '--silent', '--globoff', '--max-time', '5', ...write, url);
  return stdout;
}

describeDocker('path MTU discovery', () => {
  describe.each([1, 4] as const)('with %i queues', (queues) => {
    let far: Awaited<ReturnType<typeof addFarClient>>;
    const shared = sharedSite({ mode: 'dsr', queues }, async (site) => {
      for (const target of site.targets) {
        await target.script(
          `node -e '${SERVER}' >/dev/null 2>&1 &`,
          `until curl --silent --head http://localhost:${PORT}/ >/dev/null; do sleep 0.1; done`,
        );
      }
      far = await addFarClient(site);
    });
    // Hooks run in the reverse order: before the site, and its networks, are removed.
    afterAll(async () => {
      await far?.remove();
    });

    describe.each([4, 6] as const)('over IPv%i', (family) => {
      behaviour('a large download comes over a narrow link', { behaviour: 'pmtu', family, queues }, async () => {
        expect(await download(far.client, family)).toBe(`0 ${LARGE}`);
        // Only the target that served has learned it, from the router's ICMP error to the VIP.
        const paths = await Promise.all(shared().targets.map((target) => target.run('ip', `-${family}`, 'route', 'show', 'cache')));
        expect(paths.filter((path) => path.includes(`mtu ${NARROW}`))).toHaveLength(1);
      });
    });
  });
});
