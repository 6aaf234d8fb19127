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
# Everything that has to be right before a change is merged: style, documents,
# unit tests, package, and the scenarios on a real OpenStack. Takes no
# arguments; ends at the first phase that fails. The last line counts all
# tests, and as one test each phase that has none. It counts the unit tests
# twice, because they also run with coverage.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/functions.sh

passed=0
failed=0
skipped=0
phase=
begin=
booted=

finish() {
    local code=$?
    trap '' INT TERM
    if [[ -n $phase ]]; then
        count "$code"
        echo "=== $phase FAILED after $((SECONDS - begin)) s; see $log"
    fi
    if [[ -n $booted ]]; then
        take_down
    fi
    echo
    echo "$passed passed, $failed failed, $skipped skipped"
}

# phase NAME COMMAND...: run one phase, say how long it took, and count it.
# Nothing may catch the command's failure here: bash would then go on after
# each failing line of a function, too.
phase() {
    phase=$1
    log=$results/$1.log
    begin=$SECONDS
    echo
    echo "=== $phase"
    logged "$@"
    count 0
    echo "=== $phase: $((SECONDS - begin)) s"
    phase=
}

# count CODE: add up the tests of the phase.
count() {
    local failures=0
    if grep -q '^ - Passed:' "$log"; then
        failures=$(total 'Failed|Unexpected Success' "$log")
        passed=$((passed + $(total 'Passed' "$log")))
        failed=$((failed + failures))
        skipped=$((skipped + $(total 'Skipped|Expected Fail' "$log")))
    elif [[ $1 == 0 ]]; then
        passed=$((passed + 1))
    fi
    if [[ $1 != 0 && $failures == 0 ]]; then
        failed=$((failed + 1))
    fi
}

sample() {
    tox run -e genconfig
    git diff --exit-code etc
}

package() {
    rm -rf dist
    python -m build --installer uv
    twine check --strict dist/*
    if python -m zipfile --list dist/*.whl | grep -E '^(allinone|proof)/'; then
        echo 'The wheel holds files that are not part of the plugin.'
        return 1
    fi
}

upstream() {
    local tests='admin\.test_services|servers\.test_create_server'
    allinone tempest --serial --regex "^tempest\.api\.compute\.($tests)\."
}

# The plain cloud has to skip some scenarios, with these words. They run on a
# second cloud. Some scenarios run there again, because a delete by a live
# compute is a soft delete there.
elsewhere='reclaims is False|guest_list_command: not set'

may_run_guests() {
    [[ $(id -u) == 0 && $(uname -m) == x86_64 && -c /dev/net/tun ]] &&
        unshare --mount --net --uts mount -t sysfs sysfs /sys
}

second_cloud() {
    local options=(--reclaim)
    if ((with_qemu)); then
        PROFILES=qemu tools/setup.sh
        options+=(--qemu)
    fi
    allinone up "${options[@]}"
}

rest_of_scenarios() {
    local tests='soft_delete|service_disabled|compute_back|old_host_back'
    tests+='|(source_out|usable_after_outage)_forced_down'
    if ((with_qemu)); then
        tests+='|guest'
    fi
    allinone tempest --serial \
        --regex "^local_delete_tempest_plugin\.scenario\..*($tests)"
}

if (($#)); then
    stop "takes no arguments: $*" 2
fi
trap 'exit 130' INT
trap 'exit 143' TERM
trap finish EXIT
phase setup tools/setup.sh
PATH=$PWD/.venv/bin:$PATH
phase style tox run -e pep8
phase documents tox run -e docs,releasenotes
phase unit tox run -e py3
phase coverage tox run -e cover
phase fuzz env LOCAL_DELETE_FUZZ=1000 stestr run 'unit\.cloud\.test_fuzz'
phase sample sample
phase package package
booted=yes
phase boot allinone up
phase upstream upstream
phase preflight proof trial preflight
phase secrets proof trial secrets --regex removed_by_api
phase scenarios scenarios
if skips "$log" | grep -vE "$elsewhere"; then
    failed=$((failed + 1))
    stop 'a scenario skipped, and each has to run here'
fi
phase mutants proof mutate allocations_left_whole port_of_nova_left
phase down allinone down
with_qemu=0
if may_run_guests; then
    with_qemu=1
else
    echo 'Without real guests: they need root, x86_64, /dev/net/tun and the'
    echo 'right to make namespaces and to mount.'
fi
phase second-boot second_cloud
phase rest-of-scenarios rest_of_scenarios
if [[ $(total 'Skipped' "$log") != 0 ]]; then
    failed=$((failed + 1))
    stop 'a scenario skipped, and each has to run here'
fi
