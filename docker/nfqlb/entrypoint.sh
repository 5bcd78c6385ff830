#!/bin/sh
# With arguments: a command of nfqlb (`flowlb --queue=0:3`), or another program (`nfqlb …`, `ipu …`, `sh …`, one with its path).
# Without: runs the file that NFQLB_CONFIG names, or /etc/nfqlb/nfqlb.yaml; without a file, sets up what the environment says, balances until
# SIGTERM, and removes the set-up again. docs/docker.md lists the variables.
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

# Variables have precedence over a file that nobody has asked for.
config=${NFQLB_CONFIG-}
[ -n "$config" ] || [ -n "${NFQLB_VIPS-}" ] || [ ! -e /etc/nfqlb/nfqlb.yaml ] || config=/etc/nfqlb/nfqlb.yaml
lb=
stopped=
stop() {
  stopped=1
  [ -z "$lb" ] || kill -TERM "$lb" 2>/dev/null || true
}
# A signal that came before the load balancer was started found no process to pass it to; and one ends `wait` before the load balancer has ended.
wait_for_lb() {
  [ -z "$stopped" ] || stop
  status=0
  while kill -0 "$lb" 2>/dev/null; do wait "$lb" && status=0 || status=$?; done
  exit "$status"
}
if [ -n "$config" ]; then
  trap stop TERM INT
  # Not by exec: the kernel does not kill process 1, which would go on announcing its VIPs when it hangs. With --network=host, rules would outlive
  # this container.
  # shellcheck disable=SC2086
  nfqlb run --config="$config" --on-exit=remove ${NFQLB_RUN_OPTIONS-} &
  lb=$!
  wait_for_lb
fi

[ -n "${NFQLB_VIPS-}" ] || fail 'no configuration: must be a file for nfqlb run, as in docker run --volume=/etc/nfqlb.yaml:/etc/nfqlb/nfqlb.yaml:ro, or virtual addresses, as in docker run --env NFQLB_VIPS=10.0.0.1/32'
[ -n "${NFQLB_TARGETS-}" ] || fail 'NFQLB_TARGETS is not set; must be addresses, as in docker run --env "NFQLB_TARGETS=172.30.0.11 172.30.0.12"'
mode=${NFQLB_MODE:-nat}
queue=${NFQLB_QUEUE:-2}
table=${NFQLB_TABLE:-nfqlb}
# Unquoted, so that lines become words.
# shellcheck disable=SC2086
vips=$(echo $NFQLB_VIPS | tr -s ' ,' ',')
targets=$(echo "$NFQLB_TARGETS" | tr ',' ' ')

# What a container lacks must be given to `docker run`: it cannot be set from inside, where /proc/sys is read-only.
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
  if [ -c /dev/net/tun ] && [ -r /dev/net/tun ] && [ -w /dev/net/tun ]; then
    tun=--tun=nfqlb0
  elif [ -c /dev/net/tun ]; then
    echo "nfqlb: /dev/net/tun: user $(id -u) may not open it: fragments that come before the first of their packet are dropped; on the machine: chmod 0666 /dev/net/tun, as udev does" >&2
  else
    echo 'nfqlb: no /dev/net/tun: fragments that come before the first of their packet are dropped; docker run --device=/dev/net/tun' >&2
  fi
fi

# From here on queue rules may be in place, and without a listener the kernel drops all packets to the VIPs. With --network=host the rules would
# outlive this container: so remove them whatever happens, a failure or a signal.
# Runs at every exit. The shell handles a signal only after the running command has ended, so each step below checks for one.
take_down() {
  status=$?
  trap '' TERM INT
  { error=$(nfqlb down 2>&1 >&3) || [ "$status" -ne 0 ] || status=1; } 3>&1
  case $error in
    # Without this capability nothing was set up, and `up` has said so.
    '' | *'needs the capability CAP_NET_ADMIN'*) ;;
    *) echo "$error" >&2 ;;
  esac
  exit "$status"
}
trap stop TERM INT
trap take_down EXIT
# 143: terminated by SIGTERM.
go_on() { [ -z "$stopped" ] || exit 143; }

# Word splitting is intended for targets and options.
# shellcheck disable=SC2086
said=$(nfqlb up --vip="$vips" --mode="$mode" --queue="$queue" ${NFQLB_UP_OPTIONS-} $targets)
echo "$said" | grep -v '^next: '
fwmarks=$(echo "$said" | sed -n 's/^fwmark \([0-9]*\) leads to .*/\1/p')
go_on
# shellcheck disable=SC2086
nfqlb init --shm="$table" ${NFQLB_INIT_OPTIONS-}
go_on
# shellcheck disable=SC2086
nfqlb activate --shm="$table" $fwmarks
go_on
# shellcheck disable=SC2086
nfqlb lb --tshm="$table" --queue="$queue" $tun ${NFQLB_LB_OPTIONS-} &
lb=$!
wait_for_lb
