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

# DevStack sources this file in each phase: plugin.sh MODE [PHASE]. Only the
# phase test-config writes, after lib/tempest has written tempest.conf. unstack
# and clean take away what test-config has installed.

_XTRACE_LOCAL_DELETE=$(set +o | grep xtrace)
set +o xtrace

_LOCAL_DELETE_HOST=/usr/local/bin/local-delete-host
_LOCAL_DELETE_SUDOERS=/etc/sudoers.d/60_local_delete

# Seconds. Longer than this, a wait for a compute takes minutes.
_LOCAL_DELETE_INTERVAL=10

# _local_delete_set OPTION VALUE: set an option of [local_delete].
function _local_delete_set {
    # iniset does not quote the value, so that * would become names of files.
    (set -o noglob && iniset "$TEMPEST_CONFIG" local_delete "$1" "$2")
}

# _local_delete_get FILE SECTION OPTION DEFAULT: print an option of Nova.
function _local_delete_get {
    local value=
    if [[ -e $1 ]]; then
        value=$(iniget "$1" "$2" "$3")
    fi
    echo "${value:-$4}"
}

# _local_delete_computes: print the hosts of the computes of this machine.
function _local_delete_computes {
    if ! is_service_enabled n-cpu; then
        return 0
    fi
    if [[ $VIRT_DRIVER == fake ]]; then
        seq -s, -f "${HOSTNAME}%g" "$NUMBER_FAKE_NOVA_COMPUTE"
    else
        hostname
    fi
}

function _local_delete_set_hosts {
    local hosts=$LOCAL_DELETE_TARGET_HOSTS
    if [[ -z $hosts ]]; then
        hosts=$(_local_delete_computes)
    fi
    _local_delete_set target_hosts "${hosts:-*}"
    # A move needs two hosts, so only a third one can be left to others.
    if [[ $hosts == *,*,* ]]; then
        _local_delete_set min_other_hosts 1
    else
        _local_delete_set min_other_hosts 0
    fi
}

# _local_delete_restarts: whether a stopped compute can be started again.
function _local_delete_restarts {
    # fake.FakeDriver, before 2026.1, does not find its own node again.
    local driver
    driver=$(_local_delete_get "$NOVA_CPU_CONF" DEFAULT compute_driver '')
    [[ $VIRT_DRIVER != fake || $driver == *WithoutFakeNodes ]]
}

function _local_delete_set_compute_commands {
    local command="sudo -n -u $STACK_USER $_LOCAL_DELETE_HOST"
    local interval
    if _local_delete_restarts; then
        _local_delete_set compute_stop_command "$command stop {host}"
        _local_delete_set compute_start_command "$command start {host}"
    else
        warn $LINENO "Nova's fake driver cannot be started again here, so \
scenarios with a stopped compute will skip"
    fi
    _local_delete_set compute_freeze_command "$command freeze {host}"
    _local_delete_set compute_thaw_command "$command thaw {host}"
    # By default Nova looks for guests of deleted servers every half hour. A
    # test of Tempest may not take that long.
    interval=$(_local_delete_get "$NOVA_CPU_CONF" DEFAULT \
        running_deleted_instance_poll_interval 1800)
    if [[ $VIRT_DRIVER == libvirt ]] && ((interval && interval <= 120)); then
        _local_delete_set guest_list_command "$command guests {host}"
        _local_delete_set reap_timeout $((interval * 2 + 120))
    fi
}

# _local_delete_set_control NAME STOP UNIT...: set what takes a service of
# the control plane away. STOP is how systemctl stops it.
function _local_delete_set_control {
    local name=$1
    local stop=$2
    shift 2
    local program
    program=$(type -P systemctl)
    _local_delete_set "allow_${name}_outage" True
    _local_delete_set "${name}_stop_command" "sudo -n $program $stop $*"
    _local_delete_set "${name}_start_command" "sudo -n $program start $*"
    _local_delete_rules+=("(root) NOPASSWD: $program $stop $*"
        "(root) NOPASSWD: $program start $*")
}

function _local_delete_set_controls {
    local units cells
    if [[ $LOCAL_DELETE_CONTROL_OUTAGES != True ]]; then
        return 0
    fi
    _local_delete_set allow_unfenced_outage True
    if is_service_enabled placement-api; then
        _local_delete_set_control placement stop devstack@placement-api
    fi
    if is_service_enabled n-sch; then
        _local_delete_set_control scheduler stop devstack@n-sch
    fi
    if is_service_enabled n-cond; then
        units=devstack@n-cond
        if [[ $CELLSV2_SETUP != singleconductor ]]; then
            cells=$(seq -s' ' -f devstack@n-cond-cell%g "$NOVA_NUM_CELLS")
            units="devstack@n-super-cond $cells"
        fi
        # What a conductor was doing has to be lost, so it may not end that.
        # shellcheck disable=SC2086
        _local_delete_set_control conductor 'kill -s SIGKILL' $units
    fi
}

function _local_delete_set_limits {
    local interval down words
    interval=$(_local_delete_get "$NOVA_CPU_CONF" DEFAULT report_interval \
        "$NOVA_SERVICE_REPORT_INTERVAL")
    down=$(_local_delete_get "$NOVA_CONF" DEFAULT service_down_time \
        $((interval * 6)))
    if ((interval > _LOCAL_DELETE_INTERVAL)); then
        words="Nova sees a compute as down only after $down seconds, and each "
        words+="outage takes that long: set NOVA_SERVICE_REPORT_INTERVAL to "
        words+="$_LOCAL_DELETE_INTERVAL on all nodes"
        warn $LINENO "$words"
    fi
    _local_delete_set service_down_timeout $((down + 180))
    _local_delete_set service_up_timeout $((interval * 3 + 240))
}

# _local_delete_set_features: set what nova.conf tells of the cloud.
function _local_delete_set_features {
    local reclaim discover
    reclaim=$(_local_delete_get "$NOVA_CONF" DEFAULT \
        reclaim_instance_interval 0)
    if ((reclaim >= 1800)); then
        _local_delete_set reclaims True
    fi
    # Guests of libvirt outlive their servers, and then the compute refuses to
    # register again. A new host has to be discovered without a command.
    discover=$(_local_delete_get "$NOVA_CONF" scheduler \
        discover_hosts_in_cells_interval 0)
    if [[ $VIRT_DRIVER == fake && $discover -gt 0 ]] && \
        _local_delete_restarts; then
        _local_delete_set allow_service_delete True
    fi
}

# _local_delete_install: install the script, and the sudo rules for it.
function _local_delete_install {
    local rules rule
    local call="($STACK_USER) NOPASSWD: $_LOCAL_DELETE_HOST"
    rules=$(mktemp)
    # DevStack lets STACK_USER act as root only, and not as itself.
    echo "$STACK_USER ALL=$call" >>"$rules"
    for rule in "$call" "${_local_delete_rules[@]}"; do
        echo "$LOCAL_DELETE_TEMPEST_USER ALL=$rule" >>"$rules"
    done
    sudo install -m 0755 -o root -g root \
        "$LOCAL_DELETE_DIR/devstack/files/local-delete-host" \
        $_LOCAL_DELETE_HOST
    # With a file that it cannot read, sudo refuses everything.
    if ! sudo visudo -c -f "$rules"; then
        rm -f "$rules"
        die $LINENO "no sudo rules can be made for the user \
'$LOCAL_DELETE_TEMPEST_USER': see LOCAL_DELETE_TEMPEST_USER"
    fi
    sudo install -m 0440 -o root -g root "$rules" $_LOCAL_DELETE_SUDOERS
    rm -f "$rules"
}

function _local_delete_uninstall {
    sudo rm -f $_LOCAL_DELETE_HOST $_LOCAL_DELETE_SUDOERS
}

# _local_delete_add_chassis NUMBER: give a compute of the fake driver an OVN
# chassis, with a bridge of its own.
function _local_delete_add_chassis {
    local host=$HOSTNAME$1
    local bridge=br-fake-$1
    local unit=devstack@ovn-controller-fake-$1.service
    local datapath=${OVS_DATAPATH_TYPE:-system}
    local ids=(
        "ovn-bridge-$host=$bridge"
        # Two chassis may not have the same address.
        "ovn-encap-ip-$host=127.1.0.$1"
        "hostname-$host=$host"
        # No router may come here.
        "ovn-cms-options-$host=\"\"")
    sudo ovs-vsctl --no-wait -- --may-exist add-br "$bridge" \
        -- set Bridge "$bridge" "datapath_type=$datapath" fail_mode=secure \
        -- set Open_vSwitch . "${ids[@]/#/external-ids:}"
    # It stays in the foreground, where OVN's own _run_process would wait for
    # it to go away.
    write_user_unit_file "$unit" "$(type -P ovn-controller) -n $host" "" root \
        "OVS_RUNDIR=$OVS_RUNDIR OVN_RUNDIR=$OVN_RUNDIR"
    $SYSTEMCTL enable "$unit"
    $SYSTEMCTL start "$unit"
}

function _local_delete_add_all_chassis {
    local number
    if [[ $VIRT_DRIVER != fake || $LOCAL_DELETE_FAKE_CHASSIS != True ]] || \
        ! is_service_enabled ovn-controller; then
        return 0
    fi
    for number in $(seq "$NUMBER_FAKE_NOVA_COMPUTE"); do
        _local_delete_add_chassis "$number"
    done
}

function _local_delete_remove_all_chassis {
    local path unit number host
    for path in "$SYSTEMD_DIR"/devstack@ovn-controller-fake-*.service; do
        if [[ ! -e $path ]]; then
            continue
        fi
        unit=$(basename "$path")
        number=${unit//[^0-9]/}
        host=$HOSTNAME$number
        $SYSTEMCTL stop "$unit"
        $SYSTEMCTL disable "$unit"
        sudo rm -f "$path"
        sudo ovs-vsctl --timeout=60 --no-wait \
            -- --if-exists del-br "br-fake-$number" \
            -- remove Open_vSwitch . external-ids "ovn-bridge-$host" \
            "ovn-encap-ip-$host" "hostname-$host" "ovn-cms-options-$host"
    done
}

function configure_local_delete {
    local _local_delete_rules=()
    _local_delete_set allow_outages True
    _local_delete_set_hosts
    _local_delete_set_limits
    _local_delete_set_features
    if [[ $USER_UNITS == True ]]; then
        warn $LINENO "USER_UNITS is True, so no command is set that stops a \
service, and the scenarios that need one will skip"
    else
        _local_delete_set_compute_commands
        _local_delete_set_controls
        _local_delete_install
    fi
    _local_delete_add_all_chassis
}

function cleanup_local_delete {
    _local_delete_remove_all_chassis
    _local_delete_uninstall
}

if [[ $1 == stack && $2 == test-config ]]; then
    if is_service_enabled tempest; then
        echo_summary "Configuring local-delete-tempest-plugin"
        configure_local_delete
    fi
elif [[ $1 == unstack || $1 == clean ]]; then
    cleanup_local_delete
fi

$_XTRACE_LOCAL_DELETE
