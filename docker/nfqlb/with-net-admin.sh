#!/bin/sh
# nfqlb and ipu, by the name that this is called by: with CAP_NET_ADMIN as an ambient capability, which iptables and ip inherit too. Without
# it where the container has none to give, so that commands which need none work, and the others say what is missing.
program=/opt/nfqlb/cli/dist/${0##*/}.js
bounding=0000 no_new=0
while read -r field value; do
  case $field in
    CapBnd:) bounding=$value ;;
    # Then the kernel ignores the file capability that setpriv has for ordinary users.
    NoNewPrivs:) no_new=$value ;;
  esac
done </proc/self/status
[ "$no_new" = 0 ] || [ "$(id -u)" = 0 ] || exec node "$program" "$@"
case $bounding in
  # CAP_NET_ADMIN is bit 12: the lowest of the fourth hexadecimal digit from the right.
  *[13579bdf]???) exec setpriv --inh-caps=+net_admin --ambient-caps=+net_admin -- node "$program" "$@" ;;
esac
exec node "$program" "$@"
