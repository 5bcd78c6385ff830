import { run } from '@nfqlb/options';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import manifest from '../../package.json' with { type: 'json' };
import { ipu } from './program.js';

let stdout = '';
let stderr = '';

beforeEach(() => {
  stdout = '';
  stderr = '';
  process.exitCode = 0;
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    stdout += text;
    return true;
  });
  vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
    stderr += text;
    return true;
  });
});

afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = 0;
});

const runLine = (line: string): Promise<void> => run(ipu(), line.split(' '));

describe('prints what ipu of C nfqlb 1.2.0 printed (measured)', () => {
  test.each([
    ['makeip --cidr=10.0.0.0/16/24', '10.0.0.0'],
    ['makeip --cidr=10.0.0.0/16/24 --net=1 --host=2', '10.0.1.2'],
    ['makeip --cidr=10.0.0.0/16/24 --net=255 --host=255', '10.0.255.255'],
    ['makeip --cidr=10.1.255.255/16/24 --net=1 --host=2', '10.1.1.2'],
    ['makeip --cidr=10.0.0.0/16/24 --net=1 --host=2 --subnet=1', '10.0.1.2/16'],
    ['makeip --cidr=10.0.0.0/16/24 --net=1 --host=2 --subnet=2', '10.0.1.2/24'],
    ['makeip --cidr=10.0.0.0/24 --host=7 --subnet=1', '10.0.0.7/24'],
    ['makeip --cidr=192.168.128.0/17/24 --net=127 --host=255', '192.168.255.255'],
    ['makeip --cidr=10.0.0.1/32', '10.0.0.1'],
    ['makeip --cidr=10.0.0.0/16/32 --net=65535', '10.0.255.255'],
    ['makeip --cidr=255.255.255.255/1/1 --host=2147483647', '255.255.255.255'],
    ['makeip --cidr=255.255.255.255/1/32 --net=2147483647', '255.255.255.255'],
    ['makeip --cidr=10.0.0.0/16/24 --net=010 --host=08', '10.0.10.8'],
    ['makeip --cidr=10.0.0.0/16/24 --net=1 --host=2 --ipv6template=2000:1::0.0.0.0', '2000:1::a00:102'],
    ['makeip --cidr=10.0.0.0/16/24 --net=1 --host=2 --subnet=1 --ipv6template=2000:1::1:2:3:4', '2000:1::1:2:a00:102/112'],
    ['makeip --cidr=10.0.0.0/16/24 --net=1 --host=2 --subnet=2 --ipv6template=::', '::10.0.1.2/120'],
    ['makeip --cidr=0.0.0.0/16/24 --host=2 --ipv6template=::', '::2'],
    ['makeip --cidr=0.0.0.0/16/24 --ipv6template=::', '::'],
    ['makeip --cidr=10.0.0.0/16/24 --net=1 --ipv6template=::ffff:0:0', '::ffff:10.0.1.0'],
    ['makeip --cidr=2000:2::/112/120 --net=3 --host=4', '2000:2::304'],
    ['makeip --cidr=2000:2::/112/120 --net=3 --host=4 --subnet=1', '2000:2::304/112'],
    ['makeip --cidr=2000:2::ffff:ffff/112/120 --net=3 --host=4 --subnet=2', '2000:2::ffff:304/120'],
    ['makeip --cidr=1000::/97/128 --net=2147483647', '1000::7fff:ffff'],
    ['makeip --cidr=1000::/97 --host=2147483647', '1000::7fff:ffff'],
    ['makeip --cidr=1000::1/128', '1000::1'],
    ['makeip --cidr=::ffff:10.0.0.0/112/120 --net=1 --host=2', '::ffff:10.0.1.2'],
    ['makeip --cidr=::10.0.0.0/112/120 --net=1 --host=2 --subnet=2', '::10.0.1.2/120'],
    ['makeip --cidr=::/97/128', '::'],
    ['makeip --cidr=1:0:0:2:0:0:0:0/120 --host=5', '1:0:0:2::5'],
    ['makeip -ci=10.0.0.0/16/24 -net 1 --ho 2 --net=3', '10.0.3.2'],
    ['linklocal 00:00:00:00:00:00', 'fe80::200:ff:fe00:0'],
    ['linklocal 02:00:00:00:00:01', 'fe80::ff:fe00:1'],
    ['linklocal 1:2:3:4:5:6', 'fe80::302:3ff:fe04:506'],
    ['linklocal FF:ff:Ff:fF:0:A0', 'fe80::fdff:ffff:feff:a0'],
    ['linklocal 00:16:3e:12:34:56', 'fe80::216:3eff:fe12:3456'],
    ['makeip --cidr=202.24.37.48/21/23 --net=2 --host=59 --ipv6template=0::17:442f', '::202.24.36.59'],
    ['makeip --cidr=34:0:1e:fe:daed:e807:5c::/116/124 --net=229 --host=9 --subnet=1', '34:0:1e:fe:daed:e807:5c:e59/116'],
    ['makeip --cidr=214.84.175.77/5/8 --net=7 --host=14149848 --subnet=2', '215.215.232.216/8'],
    ['makeip --cidr=27bd:fe:0:f2:1f:9e84:0:0/99/120 --net=2070698 --host=30', '27bd:fe:0:f2:1f:9e84:1f98:aa1e'],
    [
      'makeip --cidr=66.126.203.200/14/23 --net=508 --host=82 --subnet=1 --ipv6template=552d:8e40:8e8d:0:0::',
      '552d:8e40:8e8d::427f:f852/110',
    ],
    ['makeip --cidr=e9:c8e5:c9ca:0:227b:5319:0:4d72/117/119 --net=0 --host=212 --subnet=2', 'e9:c8e5:c9ca:0:227b:5319:0:48d4/119'],
    ['makeip --cidr=129.177.186.242/25/27 --net=0 --host=7', '129.177.186.135'],
    ['makeip --cidr=f5f6:0:af6d:0:4b:98:85:bbc0/128/128 --net=0 --host=0 --subnet=1', 'f5f6:0:af6d:0:4b:98:85:bbc0/128'],
    ['makeip --cidr=205.116.102.252/13/20 --net=91 --host=237 --subnet=2 --ipv6template=e4d::', 'e4d::cd75:b0ed/116'],
    ['makeip --cidr=0:0:caab:0:0:4a:0:0/104/116 --net=841 --host=1140', '::caab:0:0:4a:34:9474'],
    ['makeip --cidr=108.14.128.108/28/29 --net=1 --host=3 --subnet=1', '108.14.128.107/28'],
    ['makeip --cidr=0:ea:42::3d9c:36/117/121 --net=1 --host=25 --subnet=2', '0:ea:42::3d9c:99/121'],
    [
      'makeip --cidr=32.226.166.102/29/29 --net=0 --host=7 --ipv6template=7e:84e9:0:c8e3:2524:6c:0:bb7c',
      '7e:84e9:0:c8e3:2524:6c:20e2:a667',
    ],
    ['makeip --cidr=3031:0:dcf0:d7b1::bb5e:e1:942/126/126 --net=0 --host=1 --subnet=1', '3031:0:dcf0:d7b1:0:bb5e:e1:941/126'],
    ['linklocal 35:2b:87:8b:14:5c', 'fe80::372b:87ff:fe8b:145c'],
    ['linklocal 8a:42:d8:84:cf:4c', 'fe80::8842:d8ff:fe84:cf4c'],
    ['linklocal fd:a7:2d:8e:1d:5d', 'fe80::ffa7:2dff:fe8e:1d5d'],
    ['linklocal d9:25:89:8:2d:85', 'fe80::db25:89ff:fe08:2d85'],
  ])('%s', async (line, printed) => {
    await runLine(line);
    expect([stdout, stderr, process.exitCode]).toEqual([`${printed}\n`, '', 0]);
  });
});

describe('exits as ipu of C nfqlb 1.2.0 did (measured)', () => {
  test.each([
    ['contains --cidr=10.0.0.0/8 10.255.0.1', 0],
    ['contains --cidr=10.0.0.0/8 11.0.0.1', 1],
    ['contains --cidr=10.1.2.3/8 10.0.0.1', 0],
    ['contains --cidr=10.0.0.4/30 10.0.0.7', 0],
    ['contains --cidr=10.0.0.4/30 10.0.0.8', 1],
    ['contains --cidr=10.0.0.1/32 10.0.0.1', 0],
    ['contains --cidr=10.0.0.1/32 10.0.0.0', 1],
    ['contains --cidr=128.0.0.0/1 127.255.255.255', 1],
    ['contains --cidr=128.0.0.0/1 255.0.0.0', 0],
    ['contains --cidr=0.0.0.0/0 1.2.3.4', 0],
    ['contains --cidr=0.0.0.0/0 ::1', 0],
    ['contains --cidr=::/0 1.2.3.4', 0],
    ['contains --cidr=::/1 1.2.3.4', 1],
    ['contains --cidr=10.0.0.0/8 ::ffff:10.0.0.1', 1],
    ['contains --cidr=::ffff:10.0.0.0/104 10.0.0.1', 1],
    ['contains --cidr=::ffff:10.0.0.0/104 ::ffff:a01:203', 0],
    ['contains --cidr=1000::/112 1000::ffff', 0],
    ['contains --cidr=1000::/112 1000::1:0', 1],
    ['contains --cidr=1000::/31 1001::', 1],
    ['contains --cidr=1000::/32 1000:0:1::', 0],
    ['contains --cidr=1000::/33 1000:0:8000::', 1],
    ['contains --cidr=1::1/128 1::1', 0],
    ['contains --cidr=1::1/128 1::', 1],
    ['contains --cidr=113.34.135.62/10 113.232.135.62', 1],
    ['contains --cidr=213.137.66.22/18 213.122.66.22', 1],
    ['contains --cidr=134.25.92.103/13 134.25.92.159', 0],
    ['contains --cidr=105.148.228.91/17 105.148.138.91', 0],
  ])('%s', async (line, status) => {
    await runLine(line);
    expect([stdout, stderr, process.exitCode]).toEqual(['', '', status]);
  });
});

describe('prints the right answer where C does not', () => {
  test.each([
    ['makeip --cidr=10.1.2.3/0/8 --net=11 --host=5', '11.0.0.5'],
    ['makeip --cidr=10.1.2.3/0/32 --net=4294967295', '255.255.255.255'],
    ['makeip --cidr=10.1.2.3/0/0 --host=4294967295 --subnet=1', '255.255.255.255/0'],
    ['makeip --cidr=2001:db8::/48/64 --net=255 --host=1', '2001:db8:0:ff::1'],
    ['makeip --cidr=2001:db8::/32/64 --net=4294967295 --host=9007199254740991 --subnet=2', '2001:db8:ffff:ffff:1f:ffff:ffff:ffff/64'],
    ['makeip --cidr=ffff::/0/128 --net=1', '::1'],
    ['makeip --cidr=1::/96/128 --net=4294967295', '1::ffff:ffff'],
  ])('%s', async (line, printed) => {
    await runLine(line);
    expect([stdout, stderr, process.exitCode]).toEqual([`${printed}\n`, '', 0]);
  });
});

const SEGMENTED =
  'must be ADDRESS/BITS/BITS such as 10.0.0.0/16/24, with 0 to 32 bits or for IPv6 0 to 128, the second not below the first';
const CIDR = 'must be ADDRESS/BITS such as 10.0.0.0/8, with 0 to 32 bits or for IPv6 0 to 128';
const MAC = 'must be six octets in hexadecimal with colons between them, such as 00:16:3e:12:34:56';

describe('reports what is wrong', () => {
  test.each([
    ['makeip', 'makeip: missing option --cidr'],
    ['makeip --cidr=10.0.0.0', `makeip: --cidr=10.0.0.0: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/', `makeip: --cidr=10.0.0.0/: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/16/', `makeip: --cidr=10.0.0.0/16/: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/24/16', `makeip: --cidr=10.0.0.0/24/16: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/16/33', `makeip: --cidr=10.0.0.0/16/33: ${SEGMENTED}`],
    ['makeip --cidr=::/120/129', `makeip: --cidr=::/120/129: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/-1/24', `makeip: --cidr=10.0.0.0/-1/24: ${SEGMENTED}`],
    // C reads these as 8, 24, 16 and 16.
    ['makeip --cidr=10.0.0.0/010/24', `makeip: --cidr=10.0.0.0/010/24: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/0x18', `makeip: --cidr=10.0.0.0/0x18: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/16x', `makeip: --cidr=10.0.0.0/16x: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/16/24/8', `makeip: --cidr=10.0.0.0/16/24/8: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0/16/24', `makeip: --cidr=10.0.0/16/24: ${SEGMENTED}`],
    ['makeip --cidr=10.0.0.0/16/24 --net=256', 'makeip: --net=256: must be a whole number from 0 to 255: 10.0.0.0/16/24 has 8 bits for it'],
    [
      'makeip --cidr=10.0.0.0/16/24 --host=256',
      'makeip: --host=256: must be a whole number from 0 to 255: 10.0.0.0/16/24 has 8 bits for it',
    ],
    ['makeip --cidr=10.0.0.0/24 --net=1', 'makeip: --net=1: must be a whole number from 0 to 0: 10.0.0.0/24 has 0 bits for it'],
    ['makeip --cidr=10.0.0.0/16/24 --net=-1', 'makeip: --net=-1: must be a whole number that fits into its slot of --cidr'],
    ['makeip --cidr=10.0.0.0/16/24 --net -1', 'makeip: --net=-1: must be a whole number that fits into its slot of --cidr'],
    // atoi returns 0.
    ['makeip --cidr=10.0.0.0/16/24 --net=one', 'makeip: --net=one: must be a whole number that fits into its slot of --cidr'],
    // atoi returns 1.
    [
      'makeip --cidr=10.0.0.0/16/24 --net=4294967297',
      'makeip: --net=4294967297: must be a whole number from 0 to 255: 10.0.0.0/16/24 has 8 bits for it',
    ],
    ['makeip --cidr=10.0.0.0/16/24 --subnet=3', 'makeip: --subnet=3: must be one of 1, 2'],
    ['makeip --cidr=10.0.0.0/16/24 --ipv6template=10.0.0.1', 'makeip: --ipv6template=10.0.0.1: must be an IPv6 address'],
    ['makeip --cidr=10.0.0.0/16/24 --ipv6template=1::2::3', 'makeip: --ipv6template=1::2::3: must be an IPv6 address'],
    ['makeip --cidr=1::/112/120 --ipv6template=2::', 'makeip: --ipv6template: needs an IPv4 --cidr, not 1::/112/120'],
    ['linklocal', 'linklocal: missing argument mac; the usage is: ipu linklocal [options] <mac>'],
    ['linklocal 01:02:03:04:05', `linklocal: mac 01:02:03:04:05: ${MAC}`],
    ['linklocal 01:02:03:04:05:06:07', `linklocal: mac 01:02:03:04:05:06:07: ${MAC}`],
    // C accepts this: it ignores what follows the sixth octet.
    ['linklocal 01:02:03:04:05:06zz', `linklocal: mac 01:02:03:04:05:06zz: ${MAC}`],
    ['linklocal 001:02:03:04:05:06', `linklocal: mac 001:02:03:04:05:06: ${MAC}`],
    ['contains --cidr=10.0.0.0/8', 'contains: missing argument address; the usage is: ipu contains [options] <address>'],
    ['contains 10.0.0.1', 'contains: missing option --cidr'],
    ['contains --cidr=10.0.0.0 10.0.0.1', `contains: --cidr=10.0.0.0: ${CIDR}`],
    // atoi returns 0 for x, so the CIDR contains all addresses.
    ['contains --cidr=10.0.0.0/x 11.0.0.1', `contains: --cidr=10.0.0.0/x: ${CIDR}`],
    ['contains --cidr=10.0.0.0/33 10.0.0.1', `contains: --cidr=10.0.0.0/33: ${CIDR}`],
    ['contains --cidr=10.0.0.0/8/16 10.0.0.1', `contains: --cidr=10.0.0.0/8/16: ${CIDR}`],
    ['contains --cidr=0.0.0.0/0 nowhere', 'contains: address nowhere: must be an IPv4 or IPv6 address'],
    ['contains --cidr=10.0.0.0/8 10.0.0.01', 'contains: address 10.0.0.01: must be an IPv4 or IPv6 address'],
    ['contains --cidr=fe80::/10 fe80::1%eth0', 'contains: address fe80::1%eth0: must be an IPv4 or IPv6 address'],
  ])('%s', async (line, message) => {
    await runLine(line);
    expect([stdout, stderr, process.exitCode]).toEqual(['', `ipu ${message}\n`, 1]);
  });
});

test("a command's help has the defaults", async () => {
  await runLine('makeip --help');
  expect(stdout).toMatch(/--net <number> +number for the first slot \(default: 0\)/);
});

test('version is that of the package', async () => {
  await runLine('version');
  expect(stdout).toBe(`nfqlb-${manifest.version}\n`);
});

test('the examples in the manual are correct', async () => {
  await runLine('man');
  const examples = [...stdout.matchAll(/^ {2}\$ ipu (makeip|linklocal)(.*)\n {2}(.*)$/gm)];
  expect(examples).toHaveLength(5);
  for (const [, command, args, printed] of examples) {
    stdout = '';
    await runLine(`${command}${args}`);
    expect(stdout).toBe(`${printed}\n`);
  }
});
