import { networkInterfaces } from 'node:os';
import { formatIpAddress, parseIpAddress } from '@nfqlb/core/address';

/** @param address written as by `formatIpAddress` */
export function isOwnAddress(address: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses.map((one) => one.address));
  return own.some((one) => {
    const octets = parseIpAddress(one);
    return octets !== undefined && formatIpAddress(octets) === address;
  });
}
