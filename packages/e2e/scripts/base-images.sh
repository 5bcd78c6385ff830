#!/bin/sh
# Provides the base images of the Dockerfiles. Images that are neither local nor available from a registry are built on this Debian: a
# minimal system with debootstrap, and the same with this machine's Node. Building needs root.
set -eu

DEBIAN=debian:12-slim
NODE=node:20-bookworm-slim

provided() {
  docker image inspect "$1" >/dev/null 2>&1 || timeout 300 docker pull --quiet "$1" >/dev/null 2>&1
}

provided "$DEBIAN" && provided "$NODE" && exit
command -v debootstrap >/dev/null || {
  echo "$DEBIAN and $NODE: no registry answers, and building them needs debootstrap (Debian package debootstrap)" >&2
  exit 1
}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
root=$work/root
debootstrap --variant=minbase bookworm "$root" http://deb.debian.org/debian >"$work/log" 2>&1 || {
  tail -5 "$work/log" >&2
  exit 1
}
rm -rf "$root"/var/cache/apt/archives/*.deb "$root"/var/lib/apt/lists/* "$root"/usr/share/doc/* "$root"/usr/share/locale/*
tar -C "$root" -c . | docker import - "$DEBIAN" >/dev/null

# As in the official image: node, its headers, npm and npx, in /usr/local.
node=$(node -p process.execPath)
prefix=$(dirname "$(dirname "$node")")
mkdir -p "$root/usr/local/include" "$root/usr/local/lib/node_modules"
cp "$node" "$root/usr/local/bin/node"
cp -r "$prefix/include/node" "$root/usr/local/include/"
cp -r "$prefix/lib/node_modules/npm" "$root/usr/local/lib/node_modules/"
ln -s ../lib/node_modules/npm/bin/npm-cli.js "$root/usr/local/bin/npm"
ln -s ../lib/node_modules/npm/bin/npx-cli.js "$root/usr/local/bin/npx"
# This machine's trusted certificates: a package registry may use a private one.
trusted=/etc/ssl/certs/ca-certificates.crt
cp "$trusted" "$root/usr/local/share/trusted.crt"
variables="NODE_EXTRA_CA_CERTS SSL_CERT_FILE npm_config_cafile"
tar -C "$root" -c . | docker import --change "ENV$(for name in $variables; do printf ' %s=/usr/local/share/trusted.crt' "$name"; done)" - "$NODE" >/dev/null
