#!/bin/sh
# Whether a load balancer listens to a queue in this network namespace. Without one the kernel drops the packets sent there.
grep -q . /proc/net/netfilter/nfnetlink_queue || { echo 'nobody listens to a queue'; exit 1; }
