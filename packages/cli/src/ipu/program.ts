import { Command, Option, oneOf } from '@nfqlb/options';
import { VERSION } from '../version.js';
import { contains } from './contains.js';
import { linkLocal, macAddress } from './link-local.js';
import { type MakeIpOptions, makeIp, slotNumber } from './make-ip.js';
import { MANUAL } from './manual.js';
import { ipv6Address, segmentedCidr, type WrittenAddress, type WrittenCidr, writtenAddress, writtenCidr } from './written-address.js';

/** The program `ipu`. It prints to stdout; `contains` sets `process.exitCode`. */
export function ipu(): Command {
  const program = new Command('ipu')
    .description('composes and examines IP addresses')
    .versioned(VERSION)
    .alsoKnownAs({
      make: ['makeip'],
      address: ['makeip'],
      mac: ['linklocal'],
      eui64: ['linklocal'],
      in: ['contains'],
      inside: ['contains'],
      manual: ['man'],
    });

  program
    .command('makeip')
    .description('print the address with a net and a host number in the slots of a segmented CIDR')
    .requiredOption('--cidr <address/bits/bits>', 'segmented CIDR, such as 192.168.128.0/17/24', segmentedCidr)
    // With a text for the default: help cannot print a BigInt.
    .addOption(new Option('--net <number>', 'number for the first slot').argParser(slotNumber).default(0n, '0'))
    .addOption(new Option('--host <number>', 'number for the second slot').argParser(slotNumber).default(0n, '0'))
    .option('--subnet <1|2>', 'also print the first or the second prefix length', oneOf('1', '2'))
    .option('--ipv6template <address>', 'print an IPv6 address: this one with the IPv4 address as its last 32 bits', ipv6Address)
    .examples(
      ['ipu makeip --cidr=192.168.128.0/17/24 --net=3 --host=7', '192.168.131.7'],
      ['ipu makeip --cidr=2001:db8::/48/64 --net=255 --host=1', '2001:db8:0:ff::1'],
    )
    .action((options: MakeIpOptions) => print(makeIp(options)));

  program
    .command('linklocal')
    .description('print the IPv6 link-local address of a MAC address (EUI-64)')
    .argument('<mac>', 'MAC address, such as 00:16:3e:12:34:56', macAddress)
    .examples(['ipu linklocal 00:16:3e:12:34:56', 'fe80::216:3eff:fe12:3456'])
    .action((mac: readonly number[]) => print(linkLocal(mac)));

  program
    .command('contains')
    .description('say by the exit status if an address is in a CIDR')
    .requiredOption('--cidr <address/bits>', 'CIDR, such as 10.0.0.0/8', writtenCidr)
    .argument('<address>', 'IPv4 or IPv6 address', writtenAddress)
    .examples(['ipu contains --cidr=10.0.0.0/8 10.1.2.3', 'prints nothing; the exit status is 0'])
    .exitStatus('0 if the address is in the CIDR; 1 if it is not, or after an error, which is a line on stderr')
    .action((address: WrittenAddress, { cidr }: { cidr: WrittenCidr }) => {
      process.exitCode = contains(cidr, address) ? 0 : 1;
    });

  program
    .command('version')
    .description('print the version')
    .examples(['ipu version', 'that of nfqlb: they come together'])
    .action(() => print(VERSION));

  program
    .command('man')
    .description('print the manual')
    .examples(['ipu man', 'more about segmented CIDRs'])
    .action(() => print(MANUAL.trimEnd()));

  return program;
}

function print(line: string): void {
  process.stdout.write(`${line}\n`);
}
