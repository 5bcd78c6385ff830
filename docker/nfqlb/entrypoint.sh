#!/bin/sh
# With arguments: a command of nfqlb (`flowlb --queue=0:3`), or another program (`nfqlb …`, `ipu …`, `sh …`, one with its path).
# Without: sets up what the environment says, load-balances until SIGTERM, and takes the set-up away. docs/docker.md lists the variables.
set -eu

case ${1-} in
  '') ;;
  nfqlb | ipu | node | sh | */*) exec "$@" ;;
  *) exec nfqlb "$@" ;;
esac

fail() {
  echo "nfqlb: $*" >&2
  exit 1
}

[ -n "${NFQLB_VIPS-}" ] || fail 'NFQLB_VIPS is not set; must be virtual addresses, as in docker run --env NFQLB_VIPS=10.0.0.1/32'
[ -n "${NFQLB_TARGETS-}" ] || fail 'NFQLB_TARGETS is not set; must be addresses, as in docker run --env "NFQLB_TARGETS=172.30.0.11 172.30.0.12"'
mode=${NFQLB_MODE:-nat}
queue=${NFQLB_QUEUE:-2}
table=${NFQLB_TABLE:-nfqlb}
# Unquoted: lines become words.
# shellcheck disable=SC2086
vips=$(echo $NFQLB_VIPS | tr -s ' ,' ',')
targets=$(echo "$NFQLB_TARGETS" | tr ',' ' ')

# What a container lacks is given to `docker run`, not set from inside, where /proc/sys is read-only.
case $vips in
  *:*)
    [ -e /proc/net/if_inet6 ] && [ "$(cat /proc/sys/net/ipv6/conf/all/disable_ipv6)" = 0 ] ||
      fail "NFQLB_VIPS=$vips: this container has no IPv6; it needs a network with it (docker network create --ipv6 --subnet=fd00:1::/64 …)"
    [ "$(cat /proc/sys/net/ipv6/conf/all/forwarding)" = 1 ] ||
      fail "NFQLB_VIPS=$vips: IPv6 forwarding is off in this container; it needs docker run --sysctl=net.ipv6.conf.all.forwarding=1"
    ;;
esac
tun=
if [ "$mode" = dsr ]; then
  if [ -c /dev/net/tun ]; then
    tun=--tun=nfqlb0
  else
    echo 'nfqlb: no /dev/net/tun: fragments that come before the first of their packet are dropped; docker run --device=/dev/net/tun' >&2
  fi
fi

# Word splitting is meant for targets and options.
# shellcheck disable=SC2086
said=$(nfqlb up --vip="$vips" --mode="$mode" --queue="$queue" ${NFQLB_UP_OPTIONS-} $targets)
echo "$said" | grep -v '^next: '
fwmarks=$(echo "$said" | sed -n 's/^fwmark \([0-9]*\) leads to .*/\1/p')
# shellcheck disable=SC2086
nfqlb init --shm="$table" ${NFQLB_INIT_OPTIONS-}
# shellcheck disable=SC2086
nfqlb activate --shm="$table" $fwmarks
# shellcheck disable=SC2086
nfqlb lb --tshm="$table" --queue="$queue" $tun ${NFQLB_LB_OPTIONS-} &
lb=$!
trap 'kill -TERM "$lb"' TERM INT
status=0
# A signal ends `wait` before the load-balancer has ended.
while kill -0 "$lb" 2>/dev/null; do wait "$lb" && status=0 || status=$?; done
# In a namespace of its own the set-up would go anyway; with --network=host it would stay.
nfqlb down
exit "$status"
