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
# mutant of proof/mutants, on four clouds side by side. Three share those for
# any cloud; the fourth reclaims, and has real guests. Needs root, x86_64 and
# 11 GiB of memory. Takes no arguments; what the clouds print is in
# results/mutants, and so is the table, matrix.rst.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/functions.sh

folder=$results/mutants
names=(first second third fourth)

# on NAME COMMAND ARGUMENT...: a command for one of the clouds, which is
# allinone or proof.
on() {
    .venv/bin/python -m "$2" --state "$PWD/.matrix/$1" "${@:3}"
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
    on "$name" allinone up "${options[@]}"
    on "$name" proof mutate --results "$folder" "$@"
}

# begin NAME ARGUMENT...: start one of the clouds, in the background.
begin() {
    one "$1" --port-base "$port" "${@:2}" >"$folder/$1.log" 2>&1 &
    pids+=($!)
    port=$((port + 100))
}

# The next two are called by traps.
# shellcheck disable=SC2329
interrupt() {
    trap '' INT TERM
    # What they have begun on the clouds they end themselves.
    pkill -TERM -f -- "--state $PWD/.matrix/" || true
    wait
    exit 130
}

# shellcheck disable=SC2329
finish() {
    local name
    trap '' INT TERM
    for name in "${names[@]}"; do
        on "$name" allinone down >/dev/null || true
    done
}

if (($#)); then
    stop "takes no arguments: $*" 2
fi
PROFILES=qemu tools/setup.sh
rm -rf "$folder" .matrix
mkdir -p "$folder" .matrix
trap interrupt INT TERM
trap finish EXIT
pids=()
port=26000

begin first -- --part 1/3
begin second -- --part 2/3
begin third -- --part 3/3
begin fourth --reclaim --qemu --

code=0
for place in "${!pids[@]}"; do
    if ! wait "${pids[place]}"; then
        code=1
        echo "The ${names[place]} cloud's part is not as it should be:"
        tail -n 3 "$folder/${names[place]}.log"
    fi
done
grep -h 'harmful mutants killed' "$folder"/*.log || true
echo "All parts after $((SECONDS / 60)) minutes; the table: $folder/matrix.rst"
exit "$code"
