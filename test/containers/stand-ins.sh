#!/usr/bin/env bash
# Makes images out of this machine's own files, for machines that cannot pull any: their label `heddle.stand-in`
# has the digest of this script. Two sorts: `base` has Node, npm and a shell, and takes the place of node:26-bookworm-slim; `tools`
# has tc, ip and a shell for the network of other containers; `prometheus` has the machine's Prometheus and promtool.
# Usage: stand-ins.sh base|tools|prometheus IMAGE
set -euo pipefail
sort=$1
image=$2
export PATH="$PATH:/usr/sbin:/sbin"
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

need() { command -v "$1" >/dev/null || { echo "stand-ins: there is no $1 here: install $2" >&2; exit 1; }; }

# A program of this machine, with the libraries that it is linked with.
add_program() {
  local from=$1 to=$2 library
  rm -f "$root$to"
  install -D -m 755 "$from" "$root$to"
  for library in $(ldd "$from" 2>/dev/null | grep -oE '/[^ ]+' || true); do
    library=$(realpath "$(dirname "$library")")/$(basename "$library")
    [ -e "$root$library" ] || install -D -m 755 "$library" "$root$library"
  done
}

lay_out() {
  local folder
  need busybox busybox-static
  mkdir -p "$root"/{etc/ssl/certs,tmp,var/tmp,proc,sys,dev,run,root,home/node,usr/{bin,sbin,lib,lib64},usr/local/bin}
  chmod 1777 "$root/tmp" "$root/var/tmp"
  for folder in bin sbin lib lib64; do ln -s "usr/$folder" "$root/$folder"; done
  add_program "$(command -v busybox)" /usr/bin/busybox
  chroot "$root" /usr/bin/busybox --install -s /usr/bin
  # busybox's own shell prefers its applets to the programs of the same name
  add_program "$(command -v dash)" /usr/bin/sh
  # names are looked up by libraries that no program is linked with; the bundler's native module is linked with librt
  local libraries
  libraries=$(dirname "$(ldd "$(command -v dash)" | grep -oE '/[^ ]+/libc\.so\.6')")
  for library in libnss_dns.so.2 libnss_files.so.2 libresolv.so.2 librt.so.1; do
    [ -e "$libraries/$library" ] && install -D -m 755 "$libraries/$library" "$root$(realpath "$libraries")/$library"
  done
  cp /etc/os-release /etc/protocols /etc/services "$root/etc/" 2>/dev/null || true
  echo 'hosts: files dns' >"$root/etc/nsswitch.conf"
  printf 'root:x:0:0:root:/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\nnobody:x:65534:65534::/:/bin/sh\n' >"$root/etc/passwd"
  printf 'root:x:0:\nnode:x:1000:\nnogroup:x:65534:\n' >"$root/etc/group"
}

import_image() {
  chown -R 0:0 "$root"
  chown 1000:1000 "$root/home/node"
  tar -C "$root" -c . | docker import \
    --change 'ENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
    --change "LABEL heddle.stand-in=$(sha256sum "${BASH_SOURCE[0]}" | cut -c1-16)" "$@" - "$image" >/dev/null
}

lay_out
case $sort in
  base)
    node=$checkout/node_modules/node/bin/node
    [ -x "$node" ] || { echo 'stand-ins: there is no Node in node_modules: run npm ci' >&2; exit 1; }
    add_program "$node" /usr/local/bin/node
    (cd "$work" && npm pack --silent npm@11 >/dev/null)
    mkdir -p "$root/usr/local/lib/node_modules/npm"
    tar -xzf "$work"/npm-*.tgz -C "$root/usr/local/lib/node_modules/npm" --strip-components=1
    chmod +x "$root"/usr/local/lib/node_modules/npm/bin/*.js
    for name in npm npx; do ln -s "../lib/node_modules/npm/bin/$name-cli.js" "$root/usr/local/bin/$name"; done
    # the authorities that this machine trusts: a registry may be reached through one of its own
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/" 2>/dev/null || true
    import_image --change 'ENV NODE_EXTRA_CA_CERTS=/etc/ssl/certs/ca-certificates.crt' --change 'CMD ["node"]'
    ;;
  tools)
    for name in tc ip; do need "$name" iproute2; add_program "$(realpath "$(command -v "$name")")" "/usr/sbin/$name"; rm -f "$root/usr/bin/$name"; done
    import_image --change 'CMD ["sleep", "86400"]'
    ;;
  prometheus)
    for name in prometheus promtool; do need "$name" prometheus; add_program "$(command -v "$name")" "/bin/$name"; done
    mkdir -p "$root/prometheus" "$root/etc/prometheus"
    chmod 1777 "$root/prometheus"
    import_image --change 'USER nobody' --change 'WORKDIR /prometheus' --change 'ENTRYPOINT ["/bin/prometheus"]' \
      --change 'CMD ["--config.file=/etc/prometheus/prometheus.yml", "--storage.tsdb.path=/prometheus"]'
    ;;
  *) echo "stand-ins: no such sort: $sort" >&2; exit 1 ;;
esac
