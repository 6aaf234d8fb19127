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

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
source tools/functions.sh

usage() {
    cat <<'HELP'
Usage: tools/demo.sh [--keep]

Installs what is missing, boots an OpenStack on this machine, runs every
scenario on it, says what passed, and takes the OpenStack down. The exit code
is Tempest's, or 1 if no scenario could run.

  --keep  leave the OpenStack up, and say how to use it

ALLINONE_STATE (.allinone) and ALLINONE_PORT_BASE (21000) are where its files
and its ports are.
HELP
}

keep=
for option in "$@"; do
    case $option in
        --keep) keep=yes ;;
        -h | --help) usage; exit ;;
        *) stop "no such option: $option (see tools/demo.sh --help)" 2 ;;
    esac
done

tools/setup.sh
trap 'exit 130' INT
trap 'exit 143' TERM
trap take_down EXIT
allinone up

code=0
logged scenarios scenarios || code=$?

log=$results/scenarios.log
passed=$(total 'Passed' "$log")
failed=$(total 'Failed|Unexpected Success' "$log")
known=$(total 'Expected Fail' "$log")
skipped=$(total 'Skipped' "$log")
cat <<SUMMARY

Scenarios: $passed passed, $failed failed, $skipped skipped, and $known failed
as they should on this Nova (doc/source/findings.rst)
What Tempest printed:  $log
Results and its log:   $state/tempest
The services' logs:    $state/logs
SUMMARY
if ((skipped)); then
    echo "NOT EVERYTHING RAN. Skipped, and why:"
    skips "$log"
fi
if ((code == 0 && passed == 0)); then
    echo 'No scenario ran, so nothing was proven.'
    code=1
fi
if [[ -n $keep ]]; then
    trap - EXIT
    command=".venv/bin/python -m allinone${ALLINONE_STATE:+ --state $state}"
    cat <<HOW

The OpenStack is still up. What to do with it:
  $command status
  $command tempest --serial --regex local_delete_tempest_plugin
  $command down
HOW
fi
exit "$code"
