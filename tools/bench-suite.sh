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
# Measure the whole suite: one scenario after the other, and CONCURRENCY
# classes at once (default 5), in turns, RUNS times each (default 1), on one
# cloud. Print the medians and their ratio. Arguments, such as
# "--computes 6", go to "up". REGEX chooses other tests than all scenarios.
# The exit code is 1 if a test failed. .venv has to be there: tools/setup.sh.
#
# cpu is what the whole machine spent, in seconds of a core. busy is wall
# time / (cpu / cores): 1.00 means that no core was ever idle. Whatever else
# the machine does is counted, so let it rest.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '/^# Measure/,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit
fi
runs=${RUNS:-1}
concurrency=${CONCURRENCY:-5}
regex=${REGEX:-'^local_delete_tempest_plugin\.'}
scratch=$(mktemp -d /tmp/bench-suite.XXXXXX)
allinone=(.venv/bin/python -m allinone --state "$scratch/state"
    --port-base "${PORT_BASE:-24000}")
code=0

# The next is called by a trap.
# shellcheck disable=SC2329
clean_up() {
    trap '' INT TERM
    "${allinone[@]}" down >/dev/null 2>&1 || true
    rm -rf "$scratch"
}
trap clean_up EXIT
trap 'exit 130' INT TERM

# Jiffies that all cores were not idle (nor waiting for a disk), and the
# time, in seconds.
spent() {
    awk '/^cpu /{ printf "%d\n", $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat
}
now() { date +%s.%N; }

# measure NAME OPTION...: one run of the suite. Tempest's own log goes on
# where it was, and its last lines count the tests.
measure() {
    local name=$1 jiffies began
    shift
    jiffies=$(spent)
    began=$(now)
    if ! "${allinone[@]}" tempest "$@" --regex "$regex" \
            >"$scratch/log" 2>&1; then
        code=1
        grep -E '\.\.\. (FAILED|UNEXPECTED)|^[A-Z]' "$scratch/log" >&2 ||
            tail -n 20 "$scratch/log" >&2
    fi
    echo "$name $began $(now) $jiffies $(spent)" >>"$scratch/results"
    grep -E '^ - (Passed|Skipped|Failed|Expected Fail)' "$scratch/log" |
        tr '\n' ' '
    echo "($name)"
}

"${allinone[@]}" up "$@"
for run in $(seq "$runs"); do
    echo "Run $run of $runs, load $(cut -d ' ' -f 1-3 /proc/loadavg)"
    measure serial --serial
    .venv/bin/python -m proof --state "$scratch/state" schedule
    measure "at-$concurrency" --concurrency "$concurrency"
done

.venv/bin/python - "$scratch/results" "$(nproc)" "$(getconf CLK_TCK)" <<'END'
import collections
import statistics
import sys

path, cores, tick = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
measured = collections.defaultdict(list)
for line in open(path):
    name, *numbers = line.split()
    began, ended, before, after = map(float, numbers)
    cpu = (after - before) / tick
    measured[name].append((ended - began, cpu,
                           (ended - began) / (cpu / cores)))
print(f'medians on {cores} cores   wall s    cpu s     busy')
walls = []
for name, rows in measured.items():
    wall, cpu, busy = map(statistics.median, zip(*rows))
    walls.append(wall)
    print(f'{name:10} of {len(rows):2}      {wall:8.1f} {cpu:8.1f} '
          f'{busy:8.2f}')
print(f'{walls[0] / walls[1]:.2f} times faster than serial')
END
exit "$code"
