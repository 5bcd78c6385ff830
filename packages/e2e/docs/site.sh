# The network that the pages of docs/ are about, seen from the load balancer, which is where a page's commands run:
#
#   client            ┌───────────────┐            targets
#   10.1.0.2  eth0 ───┤ load balancer ├─── eth0    192.168.1.1 to .3, .101 to .104, .201 and .202, VIPs 10.0.0.1 and 1000::1
#   10.0.0.2     eth0 └───────────────┘ eth1       answer ping, HTTP on port 80 and UDP on port 7
#
# The client reaches the VIPs through the load balancer; so do the targets the client. The namespaces are called client and targets.
#
# Neither family is forwarded, as on a machine just booted; `site 1` turns forwarding on.
set -euo pipefail

echo "${1:-0}" >/proc/sys/net/ipv4/ip_forward
echo "${1:-0}" >/proc/sys/net/ipv6/conf/all/forwarding

targets='1 2 3 101 102 103 104 201 202'
ip netns add client
ip netns add targets
ip link add eth0 type veth peer name eth0 netns client
ip link add eth1 type veth peer name eth0 netns targets

on() { ip -netns "$@"; }
ip address add 10.1.0.1/24 dev eth0
ip address add fd00:1::1/64 dev eth0 nodad
ip address add 192.168.1.254/24 dev eth1
ip address add fd00:2::254/64 dev eth1 nodad
ip link set eth0 up
ip link set eth1 up
ip route add default via 10.1.0.2
ip -6 route add default via fd00:1::2

on client link set lo up
on client link set eth0 up
for address in 10.1.0.2/24 10.0.0.2/32; do on client address add "$address" dev eth0; done
on client -6 address add fd00:1::2/64 dev eth0 nodad
on client route add default via 10.1.0.1
on client -6 route add default via fd00:1::1

on targets link set lo up
on targets link set eth0 up
for target in $targets; do
  on targets address add "192.168.1.$target/24" dev eth0
  on targets -6 address add "fd00:2::$target/64" dev eth0 nodad
done
on targets address add 10.0.0.1/32 dev lo
on targets -6 address add 1000::1/128 dev lo nodad
on targets route add default via 192.168.1.254
on targets -6 route add default via fd00:2::254
for name in client targets; do
  for device in all eth0; do ip netns exec "$name" sh -c "echo 0 >/proc/sys/net/ipv4/conf/$device/rp_filter"; done
done
for device in all eth0 eth1; do echo 0 >"/proc/sys/net/ipv4/conf/$device/rp_filter"; done
# Merged packets count as one.
for device in eth0 eth1; do ethtool -K "$device" gro off gso off tso off tx off >/dev/null; done
