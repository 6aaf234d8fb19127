# shellcheck shell=bash
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

# What tools/demo.sh, tools/test.sh, tools/matrix.sh and tools/releases.sh share.
# They source it, and end with "phases MODULE".

set -euo pipefail

# stop MESSAGE: end with one plain line.
stop() {
    echo "${0##*/}: $1" >&2
    exit "${2:-1}"
}

# is_plain PATH: whether the services bear the path in their configuration.
is_plain() {
    local LC_ALL=C
    [[ $1 =~ ^/[A-Za-z0-9_./+@-]*$ ]]
}

# The longest directory that may hold state directories, such as .matrix/second.
# The path of a Unix socket has at most 107 bytes.
longest=57

# elsewhere: print a directory for the files of this checkout, outside of it.
elsewhere() {
    local base place
    local bases=("${XDG_CACHE_HOME:-${HOME:-}/.cache}" "${TMPDIR:-/tmp}" /tmp)
    for base in "${bases[@]}"; do
        place=$base/local-delete-$UID-$(cksum <<<"$PWD" | cut -d' ' -f1)
        if is_plain "$place" && ((${#place} <= longest)); then
            (umask 077 && mkdir -p "$place") 2>/dev/null || true
            if [[ -O $place && -w $place ]]; then
                echo "$place"
                return
            fi
        fi
    done
    stop "found no directory for files: name a short one with TMPDIR"
}

# use_copy ARGUMENT...: run the command in a copy of the checkout. The copy
# keeps what earlier commands have made there.
use_copy() {
    local copy
    copy=$(elsewhere)/checkout
    echo "$PWD $why, so all is done in the copy $copy" >&2
    mkdir -p "$copy"
    find "$copy" -mindepth 1 -maxdepth 1 ! -name ".allinone*" ! -name .matrix \
        ! -name .tox ! -name .venv ! -name results -exec rm -rf {} +
    tar --create --exclude=./.{allinone*,matrix,tox,venv} --exclude=./results \
        . | tar --extract --directory "$copy"
    chmod -R u+w "$copy"
    exec "$copy/tools/${0##*/}" "$@"
}

# phases MODULE ARGUMENT...: run a command of phases.
phases() {
    local why=
    cd "$(dirname "${BASH_SOURCE[0]}")/.."
    if ! is_plain "$PWD"; then
        why='has a name with special characters'
    elif [[ ! -w . ]]; then
        why='cannot be written to'
    fi
    if [[ -n $why ]]; then
        use_copy "${@:2}"
    fi
    # The checkout may belong to another user, as on CI; git, and so pbr, would
    # refuse to read it.
    export GIT_CONFIG_COUNT=1
    export GIT_CONFIG_KEY_0=safe.directory
    export GIT_CONFIG_VALUE_0=$PWD
    export PYTHONUNBUFFERED=1
    if [[ -z ${ALLINONE_STATE:-} ]]; then
        ALLINONE_STATE=$PWD/.allinone
        # These two build the package, which fails if a file of the checkout
        # goes away meanwhile. Those of a cloud do.
        if [[ $1 == check || $1 == releases ]] || ((${#PWD} > longest)); then
            ALLINONE_STATE=$(elsewhere)/state
        fi
    fi
    export ALLINONE_STATE
    local python=${PYTHON:-python3}
    "$python" -c 'import sys; sys.exit(sys.version_info < (3, 10))' ||
        stop "needs Python 3.10 to 3.13: name another one than $python with \
PYTHON="
    # A phase has no terminal, where sudo could ask for the password.
    if [[ ! -e .venv/.stamp && $UID != 0 && -t 0 ]]; then
        ! command -v sudo >/dev/null || sudo -v
    fi
    exec "$python" -m "tools.$1" "${@:2}"
}
