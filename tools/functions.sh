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
#
# What tools/demo.sh and tools/test.sh share; they source it in the checkout.

# The checkout may belong to another user, as on CI; git, and so pbr, would
# refuse to read it.
export GIT_CONFIG_COUNT=1
export GIT_CONFIG_KEY_0=safe.directory
export GIT_CONFIG_VALUE_0=$PWD
export PYTHONUNBUFFERED=1

state=${ALLINONE_STATE:-$PWD/.allinone}
results=$PWD/results
mkdir -p "$results"

# stop MESSAGE: end with one plain line.
stop() {
    echo "${0##*/}: $1" >&2
    exit "${2:-1}"
}

# allinone ARGUMENT...: the all-in-one's command, for this cloud.
allinone() {
    local options=(--state "$state")
    if [[ -n ${ALLINONE_PORT_BASE:-} ]]; then
        options+=(--port-base "$ALLINONE_PORT_BASE")
    fi
    .venv/bin/python -m allinone "${options[@]}" "$@"
}

# proof ARGUMENT...: the command that proves the plugin on this cloud.
proof() {
    .venv/bin/python -m proof --state "$state" "$@"
}

# scenarios: run all of them. One after the other, for each takes a compute
# away.
scenarios() {
    allinone tempest --serial --regex '^local_delete_tempest_plugin\.'
}

# logged NAME COMMAND...: run it, and keep what it prints as results/NAME.log.
# tee ignores Ctrl-C, for else Tempest could not print while it restores.
logged() {
    local log=$results/$1.log
    shift
    "$@" </dev/null 2>&1 | tee -i "$log"
}

# total FIELD LOG...: add up what stestr or Tempest counted in the logs.
total() {
    local field=$1
    shift
    awk -v field="^ - ($field):" \
        '$0 ~ field { sum += $NF } END { print sum + 0 }' "$@"
}

# take_down: for a trap; no second Ctrl-C cuts it short.
take_down() {
    trap '' INT TERM
    allinone down || echo "taking the OpenStack down failed" >&2
}

# skips LOG: the tests that skipped, each with its reason.
skips() {
    grep -F '... SKIPPED' "$1" | sed 's/^{[0-9]*} /  /' || true
}
