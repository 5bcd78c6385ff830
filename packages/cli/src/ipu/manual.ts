/** What `ipu man` prints. */
export const MANUAL = `NAME
  ipu - composes and examines IP addresses

DESCRIPTION
  makeip puts numbers into the slots of a segmented CIDR, which is an address and two prefix lengths:
  192.168.128.0/17/24 keeps the first 17 bits of the address, has a slot of 7 bits for a net
  number, and one of 8 bits after bit 24 for a host number. With one prefix length, there is
  no net slot.

    --cidr=ADDRESS/BITS/BITS   the segmented CIDR, IPv4 or IPv6
    --net=NUMBER               for the first slot; default 0
    --host=NUMBER              for the second slot; default 0
    --subnet=1|2               also print the first or the second prefix length
    --ipv6template=ADDRESS     print an IPv6 address: this one with the IPv4 address as its last 32 bits

  linklocal MAC prints the IPv6 link-local address that an interface with this MAC address forms
  (EUI-64).

  contains --cidr=ADDRESS/BITS ADDRESS prints nothing. Its exit status is 0 when the address is in the
  CIDR, 1 when it is not. A CIDR of 0 bits contains all addresses, IPv4 and IPv6; otherwise the
  notation determines the family: 10.0.0.1 is not in ::ffff:10.0.0.0/104.

EXAMPLES
  $ ipu makeip --cidr=192.168.128.0/17/24 --net=3 --host=7
  192.168.131.7

  $ ipu makeip --cidr=192.168.128.0/17/24 --net=3 --host=7 --subnet=2
  192.168.131.7/24

  $ ipu makeip --cidr=192.168.128.0/17/24 --net=3 --host=7 --subnet=2 --ipv6template=2001:db8::
  2001:db8::c0a8:8307/120

  $ ipu makeip --cidr=2001:db8::/48/64 --net=255 --host=1
  2001:db8:0:ff::1

  $ ipu linklocal 00:16:3e:12:34:56
  fe80::216:3eff:fe12:3456

  $ ipu contains --cidr=10.0.0.0/8 10.1.2.3 && echo inside
  inside

EXIT STATUS
  0; 1 for an address outside (contains), or for an error, which is reported on stderr.
`;
