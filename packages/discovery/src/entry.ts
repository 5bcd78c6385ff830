import { formatIpAddress, isIpv4 } from '@nfqlb/core/address';
import { targetAddress, UsageError } from '@nfqlb/options';

/** A target as a source knows it. */
export interface Entry {
  /** What the source calls it; for messages, and to tell entries with the same address apart. */
  readonly name: string;
  /** In the usual form; at most one of each family, IPv4 first. */
  readonly addresses: readonly string[];
  readonly weight: number;
  /** It gets no new connections; old ones stay as long as the table's `drain` says. */
  readonly drain: boolean;
}

/** Why something is no entry. The message is a part of a sentence. */
export class EntryProblem extends Error {
  override readonly name = 'EntryProblem';
}

const MAX_WEIGHT = 65535;

/**
 * Reads an entry as it is stored: `{"address": "192.168.1.101", "weight": 2, "drain": true}`; all but the address may be absent.
 *
 * Keys that a later version may know are passed over: otherwise a target would be lost at all load balancers that are not of that version yet.
 *
 * @throws {@link EntryProblem}
 */
export function parseEntry(name: string, text: string): Entry {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new EntryProblem('must be JSON such as {"address": "192.168.1.101"}');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw new EntryProblem('must be a JSON object with an address');
  const { address, weight = 1, drain = false } = value as Readonly<Record<string, unknown>>;
  if (!Number.isInteger(weight) || (weight as number) < 0 || (weight as number) > MAX_WEIGHT) {
    throw new EntryProblem(`weight: must be a whole number from 0 to ${MAX_WEIGHT}`);
  }
  if (typeof drain !== 'boolean') throw new EntryProblem('drain: must be true or false');
  const given = Array.isArray(address) ? address : [address];
  const addresses = given.map((one) => (typeof one === 'string' ? one : refuseAddress()));
  return { name, addresses: orderedAddresses(addresses), weight: weight as number, drain };
}

/**
 * Addresses in the usual form, IPv4 first.
 *
 * @throws {@link EntryProblem}
 */
export function orderedAddresses(texts: readonly string[]): string[] {
  const addresses = texts.map(octetsOf);
  if (addresses.length === 0) refuseAddress();
  const four = addresses.filter(isIpv4);
  const six = addresses.filter((address) => !isIpv4(address));
  if (four.length > 1) throw new EntryProblem('address: there are two IPv4 addresses; a target has one');
  if (six.length > 1) throw new EntryProblem('address: there are two IPv6 addresses; a target has one');
  return [...four, ...six].map(formatIpAddress);
}

function octetsOf(text: string): Uint8Array {
  try {
    return targetAddress(text);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new EntryProblem(`address: ${error.problem}`);
  }
}

function refuseAddress(): never {
  throw new EntryProblem('address: must be an address such as 192.168.1.1 or 2001:db8::1, or a list of one of each family');
}
