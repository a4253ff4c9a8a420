#!/bin/sh
# A node: its own network, mounts, processes, host name and control groups, with containerd and a kubelet in them. The host's files are seen and never changed: what is
# written goes into memory, or into DIRECTORY. Whoever ends its first process ends all of it.
#   unshare … node.sh NAME ADDRESS DIRECTORY BUILD
# DIRECTORY has containerd.toml, kubelet.json, kubeconfig and a list, images.txt; BUILD is this project's .build.
set -eu
name=$1 address=$2 directory=$3 build=$4
hierarchies() { awk '$3 == "cgroup" || $3 == "cgroup2" { print $2, $3, $4 }' /proc/self/mounts; }

mount --make-rprivate /
hostname "$name"
groups=$(hierarchies)
mkdir "$directory/rootfs" "$directory/containerd" "$directory/kubelet" "$directory/volume"
mount -t tmpfs none "$directory/rootfs"
root=$directory/rootfs/merged
mkdir "$directory/rootfs/upper" "$directory/rootfs/work" "$root"
mount -t overlay -o "lowerdir=/,upperdir=$directory/rootfs/upper,workdir=$directory/rootfs/work" none "$root"
mount -t proc none "$root/proc"
mount -t sysfs none "$root/sys"
mount -t tmpfs none "$root/sys/fs/cgroup"
echo "$groups" | while read -r path type options; do
  mkdir -p "$root$path"
  if [ "$type" = cgroup2 ]; then
    mount -t cgroup2 none "$root$path"
  else
    controllers=$(echo "$options" | tr , '\n' | grep -vE '^(rw|ro|relatime|nosuid|nodev|noexec|xattr)$|^release_agent=' | paste -sd,)
    mount -t cgroup -o "$controllers" none "$root$path"
  fi
done
# Where Cilium's chart has it, when it need not mount it itself.
mkdir -p "$root/run"
mount -t tmpfs none "$root/run"
mount -t tmpfs none "$root/tmp"
mkdir -p "$root/run/cilium/cgroupv2"
mount -t cgroup2 none "$root/run/cilium/cgroupv2"
mount -t bpf none "$root/sys/fs/bpf"
mount --rbind /dev "$root/dev"
mkdir -p "$root$build" "$root/var/lib/containerd" "$root/var/lib/kubelet" "$root/var/lib/volume"
mount --bind "$build" "$root$build"
mkdir -p "$root$directory"
mount --bind "$directory" "$root$directory"
mount --bind "$directory/containerd" "$root/var/lib/containerd"
mount --bind "$directory/kubelet" "$root/var/lib/kubelet"
mount --bind "$directory/volume" "$root/var/lib/volume"
mkdir "$root/.old"
cd "$root"
pivot_root . .old
umount -l /.old
mount --make-rshared /
ip link set lo up
cd "$directory"
# Where there is the second version of control groups alone, a group that has processes has no children with controllers.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir /sys/fs/cgroup/init
  echo 1 >/sys/fs/cgroup/init/cgroup.procs
  sed 's/[^ ]*/+&/g' /sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control
fi
touch made
until [ -e connected ]; do sleep 0.05; done

containerd --config containerd.toml >containerd.log 2>&1 &
until ctr version >/dev/null 2>&1; do sleep 0.1; done
while read -r image; do ctr --namespace k8s.io images import "$image"; done <images.txt
touch ready
# As a service manager would: a kubelet that was ended is started again.
while :; do
  "$build/bin/kubelet" --config kubelet.json --kubeconfig kubeconfig --node-ip "$address" --v 1 >>kubelet.log 2>&1 || true
  sleep 1
done
