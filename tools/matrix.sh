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
# The whole matrix of mutants, as doc/source/mutants.rst has it: tries each
# mutant of allinone/mutants, on three clouds side by side. Two share those for
# any cloud; the third reclaims, and has real guests. Needs root, x86_64 and
# 8 GiB of memory. Takes no arguments; what the clouds print is in
# results/mutants, and so is the table, matrix.rst.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/functions.sh

folder=$results/mutants
names=(first second third)

# on NAME ARGUMENT...: the all-in-one's command, for one of the clouds.
on() {
    .venv/bin/python -m allinone --state "$PWD/.matrix/$1" "${@:2}"
}

# one NAME UP-OPTION... -- MUTATE-OPTION...: a cloud, from its boot to its end.
one() {
    local name=$1 options=()
    shift
    while [[ $1 != -- ]]; do
        options+=("$1")
        shift
    done
    shift
    on "$name" up "${options[@]}"
    on "$name" mutate --results "$folder" "$@"
}

# Called by a trap.
# shellcheck disable=SC2329
finish() {
    local name
    trap '' INT TERM
    for name in "${names[@]}"; do
        on "$name" down >/dev/null || true
    done
}

if (($#)); then
    stop "takes no arguments: $*" 2
fi
PROFILES=qemu tools/setup.sh
rm -rf "$folder" .matrix
mkdir -p "$folder" .matrix
trap 'kill $(jobs -p) 2>/dev/null; exit 130' INT TERM
trap finish EXIT
one first --port-base 26000 -- --part 1/2 >"$folder/first.log" 2>&1 &
pids=($!)
one second --port-base 26100 -- --part 2/2 >"$folder/second.log" 2>&1 &
pids+=($!)
one third --port-base 26200 --reclaim --qemu -- >"$folder/third.log" 2>&1 &
pids+=($!)

code=0
for place in "${!pids[@]}"; do
    if ! wait "${pids[place]}"; then
        code=1
        echo "The ${names[place]} cloud's part is not as it should be:"
        tail -n 3 "$folder/${names[place]}.log"
    fi
done
grep -h 'harmful mutants killed' "$folder"/{first,second,third}.log || true
echo "All parts after $((SECONDS / 60)) minutes; the table: $folder/matrix.rst"
exit "$code"
