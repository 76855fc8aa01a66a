#!/usr/bin/env bash
# Makes a Docker engine answer: where none does, and for root only, it starts dockerd with its published ports on the
# loopback, and writes the process id of what it started into FILE, so that the caller can end it. Installs nothing.
# Usage: start-engine.sh FILE
set -euo pipefail
pid_file=$1
log_file="$pid_file.log"

answers() { timeout 10 docker version --format '{{.Server.Version}}' >/dev/null 2>&1; }
fail() { echo "start-engine: $1" >&2; exit 1; }

if answers; then exit 0; fi
export PATH="$PATH:/usr/sbin:/sbin"
[ "$(id -u)" = 0 ] || fail 'no Docker engine answers, and only root can start one: start it, or set DOCKER_HOST'
for command in docker dockerd iptables; do
  command -v "$command" >/dev/null || fail "no Docker engine answers, and there is no $command: install docker.io and iptables"
done

# where nothing has mounted the control groups yet (a container or a bare machine without systemd)
if ! [ -f /sys/fs/cgroup/cgroup.controllers ] && ! mountpoint -q /sys/fs/cgroup/memory; then
  command -v cgroupfs-mount >/dev/null || fail 'the control groups are not mounted: install cgroupfs-mount'
  cgroupfs-mount
fi

# A file of a dockerd that died keeps the next one from starting.
if [ -f /var/run/docker.pid ] && ! kill -0 "$(cat /var/run/docker.pid)" 2>/dev/null; then rm -f /var/run/docker.pid; fi
setsid dockerd --ip 127.0.0.1 >"$log_file" 2>&1 </dev/null &
pid=$!
echo "$pid" >"$pid_file"
for _ in $(seq 300); do
  if answers; then exit 0; fi
  kill -0 "$pid" 2>/dev/null || break
  sleep 0.2
done
tail -30 "$log_file" >&2
kill "$pid" 2>/dev/null || true
rm -f "$pid_file"
fail 'dockerd did not come up: see its last lines above'
