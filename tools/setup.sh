#!/usr/bin/env bash
# Copyright The local-delete-tempest-plugin authors
#
# Licensed under the Apache License, Version 2.0 (the "License"); you may
# not use this file except in compliance with the License. You may obtain
# a copy of the License at
#
#      http://www.apache.org/licenses/LICENSE-2.0
#
# Unless required by applicable law or agreed to in writing, software
# distributed under the License is distributed on an "AS IS" BASIS, WITHOUT
# WARRANTIES OR CONDITIONS OF ANY KIND, either express or implied. See the
# License for the specific language governing permissions and limitations
# under the License.
#
# Set up what all commands of the checkout need: the system packages of
# bindep.txt, and the environment .venv beside README.rst. It has the tools of
# the all-in-one, Tempest and the plugin. Call this file, or source it. It
# leaves the options and the directory of the shell as they are.
#
# PYTHON names another interpreter than python3 for .venv. PROFILES names
# profiles of bindep.txt, whose packages are added:
#
#     qemu         for "python -m allinone up --qemu"
#     devstack     for "python -m allinone up --like-devstack"
#     screenshots  for "python -m tools.screenshots"
#     zuul         for "python -m proof trial zuul"
#
# PROFILES='qemu devstack' names two of them.

(
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '/^# Set up/,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit
fi
release=allinone/releases/2026.1.txt
inputs=(bindep.txt setup.cfg requirements.txt test-requirements.txt
        doc/requirements.txt allinone/requirements.txt "$release"
        tools/setup.sh)
python=${PYTHON:-python3}

say() { printf '%s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        say "Neither root nor sudo: please run as root: $*"
        return 1
    fi
}

# apt PARAMETER...: run apt-get. It ignores the signals that end us, because a
# package that is installed in part would break the next install.
apt() {
    (
        trap '' INT TERM
        # noninteractive, since nobody may be there to answer debconf.
        as_root env DEBIAN_FRONTEND=noninteractive apt-get --quiet=1 \
            --option Dpkg::Use-Pty=0 "$@" >&2
    )
}

install_packages() {
    say "Installing system packages: $*"
    apt update
    apt install --yes --no-install-recommends "$@"
}

install_missing() {
    local missing
    # Words on purpose: one a profile, and one a package.
    # shellcheck disable=SC2086
    missing=$(.venv/bin/bindep --brief ${PROFILES:-}) || true
    if [ -n "$missing" ]; then
        # shellcheck disable=SC2086
        install_packages $missing
    fi
}

make_environment() {
    if ! "$python" -c 'import sys; sys.exit(
            not (3, 10) <= sys.version_info[:2] <= (3, 13))'; then
        say "$python is $("$python" --version), and 3.10 to 3.13 are" \
            "supported: name another one with PYTHON="
        return 1
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        install_packages python3-venv
    fi
    # Not the python3 of an activated .venv, which --clear removes.
    "$("$python" -c 'import sys; print(sys._base_executable)')" \
        -m venv --clear .venv
    # uv, as the lock has it, installs the rest and later the cloud.
    local wanted='bindep|distro|packaging|parsley|uv|pbr'
    .venv/bin/python -m pip install --quiet --disable-pip-version-check \
        --no-deps --require-hashes --requirement <(
        awk "/^[^ #]/ { on = /^($wanted)==/ } on" "$release") >&2
}

stamp=$({ "$python" --version; pwd; cat "${inputs[@]}"; } | sha256sum)
if [ "$(cat .venv/.stamp 2>/dev/null)" = "$stamp" ]; then
    if [ -n "${PROFILES:-}" ]; then
        install_missing
    fi
    exit 0
fi

make_environment
# The packages are installed beside .venv, because both mostly wait.
trap wait EXIT
install_missing &
packages=$!
say 'Installing .venv'
# pbr wants a version: from the tags, or from here where there is no git.
.venv/bin/uv pip install --quiet --python .venv --constraint "$release" \
    --requirement allinone/requirements.txt \
    --requirement test-requirements.txt \
    --requirement doc/requirements.txt --editable .
wait "$packages"
printf '%s\n' "$stamp" > .venv/.stamp
)
