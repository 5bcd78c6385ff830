import { UsageError } from '@nfqlb/options';
import { FAMILIES, type Family, type SetUp } from './set-up.js';
import { SetupError } from './setup-error.js';
import { runProgram } from './step.js';

/** As `ip -N -json route get` writes it, as far as it is used. */
interface RouteJson {
  readonly gateway?: string;
  /** Absent for a route that leads to another machine. */
  readonly type?: string;
}

/**
 * With `dsr` a packet to the VIP can be given to a target only on a network that both are on: a router between them would send
 * it back.
 *
 * @throws {@link UsageError} for the first target that is no neighbour
 */
export function checkNeighbours({ mode, vips, targets }: SetUp): void {
  if (mode !== 'dsr') return;
  for (const { fwmark, addresses } of targets) {
    for (const family of FAMILIES.filter((one) => vips[one].length > 0)) {
      const address = addresses[family]!;
      if (isNeighbour(family, address)) continue;
      const problem = 'must be another machine on a network of this one with --mode=dsr; --mode=nat reaches targets through routers, too';
      throw new UsageError('invalid-value', problem, { argument: 'target', value: `${fwmark}=${address}` });
    }
  }
}

function isNeighbour(family: Family, address: string): boolean {
  try {
    const [route] = JSON.parse(runProgram(['ip', `-${family}`, '-N', '-json', 'route', 'get', address])) as RouteJson[];
    return route !== undefined && route.gateway === undefined && route.type === undefined;
  } catch (error) {
    // No route at all.
    if (error instanceof SetupError && error.code === 'command-failed') return false;
    throw error;
  }
}
