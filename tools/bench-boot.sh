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
# Measure "python -m allinone up", cold and warm, and "down", RUNS times each
# (default 5). Print the medians. Arguments, such as --qemu, go to "up". Cold
# means that only the system packages and .venv are there. There is no
# environment, there are no databases, and uv has downloaded nothing. The
# command takes about ten minutes. .venv has to be there: tools/setup.sh.
#
# cpu is what the command and all its processes spent, in seconds of a core.
# busy is wall time / (cpu / cores): 1.00 means that no core was ever idle.
# On a busy machine only cpu means something, and each second does less work.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '/^# Measure/,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit
fi
runs=${RUNS:-5}
scratch=$(mktemp -d /tmp/bench-boot.XXXXXX)
allinone=(.venv/bin/python -m allinone --state "$scratch/state"
    --port-base "${PORT_BASE:-24000}")
export XDG_CACHE_HOME=$scratch/cache UV_CACHE_DIR=$scratch/uv

clean_up() {
    "${allinone[@]}" down >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT

measure() {
    local name=$1
    shift
    if ! .venv/bin/python tools/spent.py "$scratch/results" "$name" "$@" \
            >"$scratch/log" 2>&1; then
        cat "$scratch/log" >&2
        exit 1
    fi
}

for run in $(seq "$runs"); do
    echo "Run $run of $runs" >&2
    rm -rf "$XDG_CACHE_HOME" "$UV_CACHE_DIR"
    measure cold "${allinone[@]}" up "$@"
    measure down "${allinone[@]}" down
    measure warm "${allinone[@]}" up "$@"
    # Every process runs, and the supervisor burns no CPU time.
    if ! "${allinone[@]}" status >"$scratch/log"; then
        cat "$scratch/log" >&2
        exit 1
    fi
    measure down "${allinone[@]}" down
done

.venv/bin/python - "$scratch/results" "$(nproc)" <<'END'
import collections
import statistics
import sys

path, cores = sys.argv[1], int(sys.argv[2])
measured = collections.defaultdict(list)
for line in open(path):
    name, *numbers = line.split()
    wall, cpu = map(float, numbers)
    measured[name].append((wall, cpu, wall / (cpu / cores)))
print(f'medians on {cores} cores   wall s    cpu s     busy')
for name, rows in measured.items():
    wall, cpu, busy = map(statistics.median, zip(*rows))
    print(f'{name:6} of {len(rows):2}          {wall:8.1f} {cpu:8.1f} '
          f'{busy:8.2f}')
END
