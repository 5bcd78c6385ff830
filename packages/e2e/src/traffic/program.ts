import { fileURLToPath } from 'node:url';
import type { Topology } from '../topology/topology.js';

/** The program compiled from traffic/*.c. */
export const TRAFFIC_PROGRAM: string = fileURLToPath(new URL('../../build/traffic', import.meta.url));

export type OptionValue = string | number | boolean | readonly string[] | undefined;

/** A command line of the traffic program, pinned to `cpu` if given. */
export function trafficCommand(command: string, options: Readonly<Record<string, OptionValue>>, cpu?: number): string[] {
  return onCpu([TRAFFIC_PROGRAM, command, ...optionWords(options)], cpu);
}

/** `--name value`; repeated for each item of a list. */
export function optionWords(options: Readonly<Record<string, OptionValue>>): string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (value === undefined || value === false) return [];
    if (value === true) return [`--${name}`];
    return [value].flat().flatMap((one) => [`--${name}`, String(one)]);
  });
}

export function onCpu(command: readonly string[], cpu: number | undefined): string[] {
  return cpu === undefined ? [...command] : ['taskset', '--cpu-list', String(cpu), ...command];
}

/**
 * Where the targets listen, for `--at`.
 *
 * @param addresses default: the VIPs, or with `nat` each target's own addresses
 */
export function sites({ targets }: Topology, addresses?: readonly string[]): string[] {
  return targets.flatMap(({ number, path, address4, address6 }) =>
    (addresses ?? [address4, address6]).map((address) => `${number},${path},${address}`),
  );
}
