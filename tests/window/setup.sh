#!/bin/sh
# Makes a folder in which a real Blender can be driven on a screen that nobody sees.
#
#   setup.sh DIR SUITE [PYTHON]
#
# DIR     folder of the chroot; one that is finished is recognised and left as it is
# SUITE   Debian's name: trixie has Blender 4.3, sid has Blender 5.2
# PYTHON  the Python 3.11 of an environment in which the engine's packages are installed
#         (for example .venv/bin/python); it is put at the same path inside DIR
#
# Needs root (for debootstrap and chroot), a network, 1.3 GB, and one to three minutes.
set -eu

root=${1:?"usage: setup.sh DIR SUITE [PYTHON]"}
suite=${2:?"usage: setup.sh DIR SUITE [PYTHON]"}
python=${3:-}
programs="blender Xvfb xdotool scrot ps"

has_programs() {
  for program in $programs; do
    [ -x "$root/usr/bin/$program" ] || return 1
  done
}

install_debian() {
  command -v debootstrap >/dev/null || apt-get install -y -qq --no-install-recommends debootstrap
  # DEBIAN_MIRROR names another mirror than debootstrap's own; it is left out unquoted where it is not set.
  [ -x "$root/usr/bin/dpkg" ] || debootstrap --variant=minbase "$suite" "$root" ${DEBIAN_MIRROR:-} >/dev/null
}

configure_packages() {
  cp /etc/resolv.conf "$root/etc/resolv.conf"
  # Documentation is not needed; of the translations only Blender's own.
  cat >"$root/etc/dpkg/dpkg.cfg.d/window" <<'CONFIG'
force-unsafe-io
path-exclude=/usr/share/doc/*
path-exclude=/usr/share/man/*
path-exclude=/usr/share/locale/*
path-include=/usr/share/locale/languages
path-include=/usr/share/locale/*/LC_MESSAGES/blender.mo
CONFIG
  cat >"$root/etc/apt/apt.conf.d/window" <<'CONFIG'
APT::Install-Recommends "false";
Acquire::Languages "none";
CONFIG
}

run_apt() {
  chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get -y -qq "$@" >>"$root/var/log/window-setup.log" 2>&1 || {
    tail -20 "$root/var/log/window-setup.log" >&2
    echo "setup.sh: apt-get $* failed in $root" >&2
    exit 1
  }
}

install_programs() {
  # numpy, requests, zstandard, cattrs: what Blender's own add-ons import and Debian only recommends.
  extra=""
  [ "$suite" = sid ] && extra="python3-cattr"
  run_apt update
  run_apt install blender python3-numpy python3-requests python3-zstandard $extra \
    xvfb xdotool scrot procps libgl1 libegl1
  run_apt clean
}

install_languages() {
  run_apt update
  run_apt install --reinstall blender-data
  run_apt clean
}

# Puts a file or folder of this machine at the same path inside: as hard links where that can be, else as copies.
bring() {
  mkdir -p "$root$(dirname "$1")"
  cp -a --link "$1" "$root$1" 2>/dev/null && return
  rm -rf "${root:?}$1"
  cp -a --reflink=auto "$1" "$root$1"
}

install_engine_python() {
  environment=$("$python" -c 'import sys; print(sys.prefix)')
  base=$("$python" -c 'import sys; print(sys.base_prefix)')
  name=$("$python" -c 'import sys; print("python%d.%d" % sys.version_info[:2])')
  [ "$environment" != "$base" ] || { echo "setup.sh: $python is no virtual environment" >&2; exit 2; }
  if [ ! -e "$root$base/lib/$name" ]; then
    for part in "$base/bin/$name" "$base/lib/$name" "$base"/lib/lib"$name".so*; do
      [ -e "$part" ] && bring "$part"
    done
    rm -rf "${root:?}$base/lib/$name/site-packages" # what the engine needs is in its own environment
    [ -e "$root$base/bin/python3" ] || ln -s "$name" "$root$base/bin/python3"
  fi
  [ -e "$root$environment/bin/python" ] || bring "$environment"
  chroot "$root" "$environment/bin/python" -c 'import cv2, msgpack, numpy, trimesh, xatlas, zmq' || {
    echo "setup.sh: $environment does not run inside $root" >&2
    exit 1
  }
  echo "engine's Python: $environment/bin/python"
}

if ! has_programs; then
  install_debian
  configure_packages
  install_programs
fi
if [ ! -f "$root/usr/share/locale/languages" ]; then
  configure_packages
  install_languages
fi
[ -z "$python" ] || install_engine_python
chroot "$root" blender --version | head -1
