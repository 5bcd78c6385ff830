#!/bin/sh
# nfqlb and ipu, by the name that this is called by: with CAP_NET_ADMIN as an ambient capability, which iptables and ip inherit too, and with those
# for health checks by ICMP and SCTP and for the fast path, if the container has them. Without where the container has none to give, so that commands which need none work, and the others
# say what is missing.
program=/opt/nfqlb/cli/dist/${0##*/}.js
bounding=0000 no_new=0
while read -r field value; do
  case $field in
    CapBnd:) bounding=$value ;;
    # Then the kernel ignores the file capabilities that setpriv has for ordinary users.
    NoNewPrivs:) no_new=$value ;;
  esac
done </proc/self/status
[ "$no_new" = 0 ] || [ "$(id -u)" = 0 ] || exec node "$program" "$@"
capabilities=
# CAP_NET_ADMIN is bit 12: the lowest of the fourth hexadecimal digit from the right.
case $bounding in *[13579bdf]???) capabilities=+net_admin ;; esac
# CAP_NET_RAW is bit 13: the next.
case $bounding in *[2367abef]???) capabilities=$capabilities${capabilities:+,}+net_raw ;; esac
# CAP_PERFMON and CAP_BPF are bits 38 and 39: the two highest of the tenth.
case $bounding in *[4567cdef]?????????) capabilities=$capabilities${capabilities:+,}+perfmon ;; esac
case $bounding in *[89abcdef]?????????) capabilities=$capabilities${capabilities:+,}+bpf ;; esac
[ -n "$capabilities" ] || exec node "$program" "$@"
exec setpriv --inh-caps="$capabilities" --ambient-caps="$capabilities" -- node "$program" "$@"
