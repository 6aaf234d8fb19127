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

# The functions of DevStack and Grenade that devstack/ calls. The functions here
# do what the tests look at, and no more. SCRATCH is the test's directory.

function trueorfalse {
    echo "${!2:-$1}"
}

function is_service_enabled {
    local service
    for service in "$@"; do
        if [[ ,$ENABLED_SERVICES, == *,$service,* ]]; then
            return 0
        fi
    done
    return 1
}

function iniget {
    awk -v section="[$2]" -v option="$3 = " '
        /^\[/ { inside = $0 == section }
        inside && index($0, option) == 1 { sub(option, ""); print }
    ' "$1"
}

function iniset {
    local value
    if [[ $1 == -sudo ]]; then
        shift
    fi
    # DevStack's does not quote the value either.
    # shellcheck disable=SC2086,SC2116
    value=$(echo $4)
    touch "$1"
    awk -v section="[$2]" -v option="$3 = " -v value="$value" '
        /^\[/ { inside = 0 }
        $0 == section { print; print option value; inside = found = 1; next }
        inside && index($0, option) == 1 { next }
        { print }
        END { if (!found) { print section; print option value } }
    ' "$1" >"$1.new"
    mv "$1.new" "$1"
}

function write_user_unit_file {
    local unit=$SYSTEMD_DIR/$1
    iniset "$unit" Service ExecStart "$2"
    iniset "$unit" Service User "$4"
    iniset "$unit" Service Environment "$5"
}

function define_plugin {
    :
}

function echo_summary {
    :
}

function warn {
    echo "$2" >>"$SCRATCH/warnings"
}

function die {
    echo "$2" >&2
    exit 1
}
