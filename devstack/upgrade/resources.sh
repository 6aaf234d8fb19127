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

# Grenade calls resources.sh PHASE [SIDE]. The resources are a stage of
# "tempest local-delete": doc/source/upgrades.rst.

set -o errexit

# shellcheck source=/dev/null
source "$GRENADE_DIR/grenaderc"
# shellcheck source=/dev/null
source "$GRENADE_DIR/functions"
# shellcheck source=/dev/null
source "$TOP_DIR/stackrc"

set -o xtrace

TEMPEST_DIR=$BASE_RELEASE_DIR/tempest
STAGE_FILE=$SAVE_DIR/local-delete-stage.json

# local_delete COMMAND WORD...: run a command of the base's Tempest. The same
# Tempest is used before and after the upgrade.
function local_delete {
    local tempest=$TEMPEST_DIR/.tox/tempest/bin/tempest
    if [[ ! -x $tempest ]]; then
        die $LINENO "$tempest is not there: enable the service tempest in the \
base's local.conf"
    fi
    # Tempest writes its log where it runs.
    (cd "$SAVE_DIR" && "$tempest" local-delete "$@" \
        --config-file "$TEMPEST_DIR/etc/tempest.conf")
}

function create {
    local_delete stage "$STAGE_FILE"
}

function verify {
    local_delete verify --keep "$STAGE_FILE"
    verify_noapi
}

# servers_here: print the ids of the staged servers that this machine runs. A
# resized one may be on another machine.
function servers_here {
    python3 - "$STAGE_FILE" "$(hostname)" <<'EOF_PYTHON'
import json
import sys

with open(sys.argv[1]) as file:
    for server in json.load(file)['servers']:
        if server['host'] == sys.argv[2] and server['kind'] != 'resize':
            print(server['id'])
EOF_PYTHON
}

# verify_noapi: no service answers now, so only the hypervisor can be asked.
function verify_noapi {
    local guests servers server
    if [[ $VIRT_DRIVER != libvirt ]]; then
        echo "Guests of the driver '$VIRT_DRIVER' cannot be seen"
        return 0
    fi
    guests=$(sudo virsh list --uuid)
    servers=$(servers_here)
    for server in $servers; do
        if ! grep -q -x "$server" <<<"$guests"; then
            die $LINENO "the guest of server $server does not run any more"
        fi
    done
}

function destroy {
    local_delete verify "$STAGE_FILE"
    rm -f "$STAGE_FILE"
}

# force_destroy: undo the stage without a verdict.
function force_destroy {
    local run_id
    run_id=$(python3 -c 'import json, sys; print(json.load(open(
        sys.argv[1]))["run"])' "$STAGE_FILE")
    local_delete recover --yes --run "$run_id"
    rm -f "$STAGE_FILE"
}

case $1 in
    create|destroy|force_destroy|verify|verify_noapi)
        $1
        ;;
    early_create)
        # Nothing of a stage is needed that early.
        ;;
    *)
        die $LINENO "no phase '$1'"
        ;;
esac
