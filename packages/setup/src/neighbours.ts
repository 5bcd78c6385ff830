import { UsageError } from '@nfqlb/options';
import { FAMILIES, type Family, type SetUp } from './set-up.js';
import { SetupError } from './setup-error.js';
import { runProgram } from './step.js';

/** Output of `ip -N -json route get`, only the fields used here. */
interface RouteJson {
  readonly gateway?: string;
  /** Absent for a route to another machine. */
  readonly type?: string;
}

/**
 * With `dsr`, targets must be on a directly connected network: a router in between would send packets to the VIP back here.
 *
 * @throws {@link UsageError} for the first target that is not a neighbour
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
