#!/usr/bin/env bash
# Runs these tests in one Blender, as a Python module: tests/blender/run.sh BPY_VERSION [WORDS FOR PYTEST...]
#
# The first time it makes an environment of that Blender in build/bpy-VERSION (1 GB, half a minute), with pytest
# and nothing that the extension brings itself. Python 3.11 fits Blender 4.2 to 5.0, 3.13 fits 5.1 and newer.
#   MAQUETTE_ENGINE  a Python that has the engine; else that of .venv
#   MAQUETTE_ZIP     the extension to be tested; else it is built
#   PYTHON           the Python that makes the environment; else python3.11, python3.13 or python3
set -euo pipefail
cd "$(dirname "$0")/../.."

version=$1
shift
case $version in 4.* | 5.0*) needed=3.11 ;; *) needed=3.13 ;; esac
environment=build/bpy-$version
export MAQUETTE_ENGINE=${MAQUETTE_ENGINE:-$PWD/.venv/bin/python}

if ! [ -e "$environment/ready" ]; then
  python=${PYTHON:-$(command -v "python$needed" || command -v python3)}
  [ "$("$python" -c 'import sys; print("%d.%d" % sys.version_info[:2])')" = "$needed" ] ||
    { echo "Blender $version needs Python $needed: name one in PYTHON."; exit 1; }
  rm -rf "$environment"
  "$python" -m venv "$environment"
  "$environment/bin/pip" install -q "bpy==$version" pytest
  touch "$environment/ready"
fi

# What Blender asks of Debian and Ubuntu; libegl1 is for renders, without it they end the process.
packages="libx11-6 libxrender1 libxfixes3 libxi6 libxkbcommon0 libsm6 libxxf86vm1 libgomp1 libgl1 libegl1"
if ! "$environment/bin/python" -c 'import bpy, os; os._exit(0)' 2>/dev/null; then
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $packages >/dev/null ||
    { echo "Blender $version cannot be loaded. On Debian and Ubuntu it needs: $packages"; exit 1; }
fi

exec "$environment/bin/python" -m pytest tests/blender "$@"
