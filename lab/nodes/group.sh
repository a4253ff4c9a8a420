#!/bin/sh
# Runs a command in control groups of its own, or in those that another such command is in.
#   group.sh GROUP COMMAND...
set -eu
group=$1
shift
awk '$3 == "cgroup" || $3 == "cgroup2" { print $2 }' /proc/self/mounts | while read -r path; do
  mkdir -p "$path/$group"
  # With an empty set of processors, which is what a new group of the first version has, no process can be in it.
  for file in cpuset.cpus cpuset.mems; do
    [ ! -e "$path/$file" ] || cat "$path/$file" >"$path/$group/$file"
  done
  # Each other process of this machine weighs as much as a whole node otherwise, and a node as much as the API server that all of them need.
  [ ! -e "$path/$group/cpu.shares" ] || echo 5120 >"$path/$group/cpu.shares"
  [ ! -e "$path/$group/cpu.weight" ] || echo 500 >"$path/$group/cpu.weight"
  echo $$ >"$path/$group/cgroup.procs"
done
exec "$@"
