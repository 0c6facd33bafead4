#!/usr/bin/env bash
# Sets faceapp up in .venv: Debian packages where it may (else it says which), a virtual environment, the program.
# With --dev also what the tests need. Run it from the project's folder; running it again does no harm.
set -euo pipefail

packages="python3-venv libgl1 libegl1 libglib2.0-0 libfontconfig1 libxkbcommon0 libdbus-1-3 libx11-6 libxrender1
  libxcb-cursor0 libxkbcommon-x11-0 libxcb-icccm4 libxcb-keysyms1 libxcb-shape0 libxcb-image0 libxcb-render-util0
  libgomp1 libusb-1.0-0"
extra=""
if [[ ${1-} == --dev ]]; then
  packages="$packages xvfb xauth"
  extra="[dev]"
fi

missing=""
if command -v dpkg-query >/dev/null; then
  for package in $packages; do
    dpkg-query -W -f='${Status}' "$package" 2>/dev/null | grep -q "ok installed" || missing="$missing $package"
  done
fi
if [[ -n $missing ]]; then
  become=""
  [[ $(id -u) == 0 ]] || become="sudo"
  if [[ -z $become ]] || sudo -n true 2>/dev/null || { command -v sudo >/dev/null && [[ -t 0 ]]; }; then
    echo "Installing Debian packages:$missing"
    $become apt-get update -qq
    DEBIAN_FRONTEND=noninteractive $become apt-get install -y -qq --no-install-recommends $missing >/dev/null
  else
    echo "These Debian packages are missing and may not be installed from here:$missing"
    echo "Ask whoever looks after this machine for: sudo apt-get install$missing"
  fi
fi

if ! python3 -c 'import ensurepip' 2>/dev/null; then
  echo "Python's venv module is missing, so faceapp cannot be set up; install python3-venv first." >&2
  exit 1
fi
if [[ ! -x .venv/bin/python ]]; then
  echo "Making a virtual environment in .venv"
  python3 -m venv .venv
fi
echo "Installing faceapp and what it needs into .venv (1.5 GB; half a minute to three minutes)"
if command -v uv >/dev/null; then
  uv pip install --quiet --python .venv/bin/python --editable ".$extra"
else
  .venv/bin/python -m pip install --quiet --disable-pip-version-check --editable ".$extra"
fi
echo "Compiling the decoder, so that no capture waits for it (half a minute)"
.venv/bin/python -c "from faceapp.fringe.warming import warm_decoder; warm_decoder()"
echo "Compiling fusion and meshing (half a minute)"
.venv/bin/python -c "from faceapp.geometry.warming import warm_geometry; warm_geometry()"
