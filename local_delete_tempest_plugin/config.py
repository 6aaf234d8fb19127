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

"""Every option of ``[local_delete]``."""

from typing import Any

from oslo_config import cfg
from oslo_config import types

from local_delete_tempest_plugin import known_bugs


def _text(*sentences):
    """Join lines, since oslo.config wraps the help itself."""
    return ' '.join(' '.join(sentences).split())


local_delete_group = cfg.OptGroup(
    name='local_delete',
    title='Local delete',
    help=_text("""
The scenarios take a compute service down and delete a server of its host. They
prove that nothing of the server is left. With the defaults every scenario
skips."""))

_COMMAND = """The command runs as the user who runs Tempest, without a shell.
It is split into words as a shell splits it. It must end within
command_timeout, with the exit code 0. Write $$ for each $, as everywhere in
tempest.conf. Do not write a password into the command, because the list of
processes shows the command. The message that tells how to start a service by
hand also shows it. Use ssh keys and sudo rules, because they need no
password."""

_ENDS = """The command must not end before the process has ended. Otherwise the
process may end after a restore, and nobody starts it again."""

_HOST = """{host} is replaced with the name of the compute's host, as Nova has
it. The plugin refuses an invalid host name."""


class _KnownBugs(types.List):
    """A list of which each item is known."""

    def __call__(self, value: Any) -> list[str]:
        # Not as an item_type, whose refusal would quote the rest of the list.
        return [known_bugs.check(item) for item in super().__call__(value)]


def _limit(name, default, awaited, change):
    return cfg.IntOpt(
        name, default=default, min=1,
        help='Limit in seconds of the wait until %s. Default: %d. %s'
             % (awaited, default, change))


LocalDeleteGroup = [
    cfg.BoolOpt(
        'allow_outages', default=False,
        help=_text("""
Allow the scenarios to take the compute services of target_hosts down. A
boolean, default False: every scenario skips. Set it to True on a cloud where
these hosts may be down for some minutes.""")),
    cfg.ListOpt(
        'target_hosts', default=[],
        help=_text("""
Hosts whose compute services may be taken down. Write their names as
``openstack compute service list`` prints them. One host is down at a time, or
two hosts during a move. A comma-separated list; a single * means every
compute. Default: empty, which means no host, and every scenario skips. Name
hosts on which nothing of value runs.""")),
    cfg.StrOpt(
        'availability_zone',
        help=_text("""
Availability zone that the servers of the scenarios ask for. Hosts of other
zones are then left alone. Default: none; Nova then chooses, or takes
default_schedule_zone of nova.conf. Set it to the zone of the target hosts
where default_schedule_zone is another zone. Otherwise no server comes to the
target hosts, and the scenarios fail with "No valid host was found".""")),
    cfg.BoolOpt(
        'allow_foreign_servers', default=False,
        help=_text("""
Take a host down although foreign servers are on it. A server is foreign if
this run did not create it. The same goes for foreign consumers in Placement.
A boolean, default False: the scenario skips and names the foreign servers. Set
it to True only where the owners of these servers agree. Nobody can act on
these servers while their host is down.""")),
    cfg.IntOpt(
        'min_other_hosts', default=1, min=0,
        help=_text("""
How many other compute services must be up and enabled before a host is taken
down. A host that another run has leased does not count, because that run may
take it down. Nor does the second host of a scenario that needs two. A number,
default 1. Raise it to the number of hosts that the users of the cloud need at
that time. 0 allows an outage of the only compute.""")),
    cfg.BoolOpt(
        'fence_host', default=True,
        help=_text("""
Disable the compute service of a host before the host is taken down. The
scheduler then puts no foreign server there. The disabled reason names the run
and tells how to undo the fence. A boolean, default True. Set it to False only
on a cloud that has no other user and no service that evacuates hosts. Such
services (Masakari, InstanceHA) act on a host that is down and enabled, and
InstanceHA powers it off.""")),
    cfg.BoolOpt(
        'allow_service_delete', default=False,
        help=_text("""
Allow a scenario to delete the compute service of a host. The process of the
service then registers as a new service. A boolean, default False: the scenario
skips. Set it to True only if all these conditions are true: The compute_id of
nova-compute outlives its process (2023.1 and later). New services are enabled
(enable_new_services in nova.conf). Hosts are discovered automatically
([scheduler] discover_hosts_in_cells_interval in nova.conf). No guest outlives
its server, because otherwise nova-compute refuses to register. The scenario
skips where the host is in an aggregate of Nova or Placement. It also skips
where the provider has children, or custom traits or inventories. Other traits
and the allocation ratios are put back. Archive deleted rows (``nova-manage db
archive_deleted_rows``) from time to time, because Nova keeps the record of a
deleted service. Nova 2026.1 may then refuse to move servers from it.""")),
    cfg.BoolOpt(
        'allow_unfenced_outage', default=False,
        help=_text("""
Allow scenarios of servers in BUILD to stop a compute without a fence around
its host. These scenarios ignore fence_host, because a fence would keep their
own server away. A boolean, default False: they skip. Set it to True only on a
cloud that has no other user. The scheduler may send foreign servers to the
host until the host is up again or seen down. These servers wait until the
compute is back. Pause services that evacuate hosts (Masakari, InstanceHA),
because they act on a host that is down and enabled. InstanceHA powers it
off.""")),
    cfg.BoolOpt(
        'allow_placement_outage', default=False,
        help=_text("""
Allow the scenarios to stop Placement. A boolean, default False: the scenarios
that need it skip. Every tenant of the cloud feels the outage. No server can be
created, moved or deleted cleanly while Placement is away. Set it to True only
on a cloud that has no other user.""")),
    cfg.BoolOpt(
        'allow_scheduler_outage', default=False,
        help=_text("""
Allow the scenarios to stop Nova's scheduler. A boolean, default False: the
scenarios that need it skip. Every tenant of the cloud feels the outage. A
server that is created or moved during the outage waits, and may end in ERROR.
Set it to True only on a cloud that has no other user.""")),
    cfg.BoolOpt(
        'allow_conductor_outage', default=False,
        help=_text("""
Allow the scenarios to kill Nova's conductor. A boolean, default False: the
scenarios that need it skip. Every tenant of the cloud feels the outage. Every
compute is seen down until the conductor is back. A server that is being
created or moved at that moment may stay as it is, until an admin resets its
state. Set it to True only on a cloud that has no other user and no service
that evacuates hosts.""")),
    cfg.BoolOpt(
        'serial', default=True,
        help=_text("""
Run no other test beside a scenario. A boolean, default True: ``tempest run
--concurrency N`` runs each class of scenarios alone, as Tempest's ``serial``
does. With False classes of scenarios run side by side, and beside other tests.
Each of them leases its own hosts. Classes whose outage every tenant feels
still run alone, and so does the class that deletes a compute service. The
outages are those of Placement, the scheduler, the conductor, or a host without
a fence. Set it to False where the other tests of the run do not mind that a
target host is down. With [auth] test_accounts_file each process needs accounts
of its own.""")),
    cfg.BoolOpt(
        'require_tls', default=False,
        help=_text("""
Refuse to run where passwords and tokens can be read on the way. They can be
read if an endpoint is not https, or if [identity]
disable_ssl_certificate_validation is True. The run then fails before it
changes anything. A boolean, default False: ``tempest local-delete preflight``
warns. Set it to True wherever the cloud has TLS. ``tempest local-delete
recover`` ignores this option. The next run does not.""")),
    cfg.StrOpt(
        'journal_dir',
        help=_text("""
Directory of the journals. A run writes each change into its journal before it
makes the change. ``tempest local-delete recover`` reads the journals. Default:
local-delete under [oslo_concurrency] lock_path. Set it where lock_path does
not outlive a crash. Every run on this machine needs the same directory, so
write its whole path. It is refused if anybody else may write in it.""")),
    cfg.BoolOpt(
        'recover_on_start', default=True,
        help=_text("""
Recover an abandoned run of this machine from its journal before anything else
is changed. A boolean, default True. With False the scenarios fail and name the
journal. Set it to False to look first at everything that the abandoned run
left.""")),
    cfg.BoolOpt(
        'reclaims', default=False,
        help=_text("""
Whether the cloud keeps deleted servers for a while, so that they can be
restored. It does if reclaim_instance_interval is above 0 in the nova.conf of
the API and of the computes. A boolean, default False: the scenarios about soft
deletes skip. Set it to True where the interval is longer than a scenario
takes, which means half an hour or more. The other scenarios then delete a
server by force where a live compute keeps it. With a wrong value the scenarios
wait for the wrong state, and fail.""")),
    cfg.IntOpt(
        'many_servers', default=20, min=2,
        help=_text("""
Number of servers that test_many deletes at once. A number, default 20. The
scenario skips where the project's quota or the host has no room for them. Set
it to a lower number there.""")),
    cfg.Opt(
        'known_bugs', type=_KnownBugs(), default=[known_bugs.AUTO],
        help=_text("""
Known defects of this cloud's Nova. A scenario that shows a known defect is
expected to fail. The run fails when such a scenario passes. A scenario skips
where ``deleted-service-refuses-moves`` stops its move of a server. A scenario
without Placement skips where ``api-new-to-placement`` stops its delete. A
comma-separated list; default: auto. auto takes the defects of the cloud's
release, which the highest microversion of Nova tells: 2.100 is 2025.1 or
2025.2, 2.103 is 2026.1, 2.104 is 2026.2. Nothing tells 2025.1 from 2025.2, so
auto takes the defects of both. A microversion between two releases counts as
the later release. A newer or unknown one counts as the newest release, and an
older one as the oldest. Write 2025.1, or another release, to take only its
defects. Write the name of a defect to add it; ``tempest local-delete
findings`` lists the names. Write the name after a minus to take it off, as in
``auto,-volume-left-in-build``. A list that only takes defects off begins with
auto. Set it to an empty list to see each defect as a failure.""")),
    cfg.StrOpt(
        'compute_stop_command',
        help=_text("""
Stops the process of a host's compute service. Example: ``ssh {host} sudo
systemctl stop devstack@n-cpu``. Default: none, and the scenarios that need a
dead compute skip. Set it where the machine that runs Tempest can reach the
computes.""", _ENDS, _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'compute_start_command',
        help=_text("""
Starts the compute service that compute_stop_command stopped. Default: none.
Set it whenever compute_stop_command is set.""", _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'compute_freeze_command',
        help=_text("""
Freezes the process of a host's compute service, so that it hangs and does not
end. Example: ``ssh {host} sudo systemctl kill --signal=SIGSTOP
devstack@n-cpu``. A freeze holds a move half-way. A process that was stopped
and started again would not continue the move. Default: none, and the scenarios
that need it skip. Set it where the machine that runs Tempest can reach the
computes.""", _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'compute_thaw_command',
        help=_text("""
Thaws the process that compute_freeze_command froze. Example: ``ssh {host} sudo
systemctl kill --signal=SIGCONT devstack@n-cpu``. The command must do nothing
to a process that is not frozen. Default: none. Set it whenever
compute_freeze_command is set.""", _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'placement_stop_command',
        help=_text("""
Stops the process of the Placement API. Example: ``ssh controller sudo
systemctl stop devstack@placement-api``. Default: none, and the scenarios that
need a Placement outage skip. Set it where the machine that runs Tempest can
reach the machine of Placement. Behind a proxy the clients then see a 5xx
answer. Without a proxy their connections are refused. Each of these two cases
has a scenario of its own.""", _ENDS, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'placement_start_command',
        help=_text("""
Starts the Placement API that placement_stop_command stopped. Default: none.
Set it whenever placement_stop_command is set.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'placement_proxy_stop_command',
        help=_text("""
Stops the proxy in front of the Placement API, so that connections to the proxy
are refused. Default: none; then placement_stop_command is used. Set it only
where the proxy serves nothing except Placement.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'placement_proxy_start_command',
        help=_text("""
Starts the proxy that placement_proxy_stop_command stopped. Default: none. Set
it whenever placement_proxy_stop_command is set.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'guest_list_command',
        help=_text("""
Prints the UUIDs of the guests that run on a host's hypervisor, one UUID a
line. Example: ``ssh {host} sudo virsh list --uuid``. The command prints
nothing for a host whose guests cannot be seen. Default: none, and the
scenarios that look at guests skip. Set it where the machine that runs Tempest
can reach the hypervisors.""", _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'scheduler_stop_command',
        help=_text("""
Stops every process of nova-scheduler. Without a scheduler a server stays in
BUILD. Example: ``ssh controller sudo systemctl stop devstack@n-sch``. Default:
none, and the scenarios that need it skip. Set it where the machine that runs
Tempest can reach every scheduler. A start must take less than
rpc_response_timeout of nova.conf, because the conductor waits only for that
time.""", _ENDS, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'scheduler_start_command',
        help=_text("""
Starts the schedulers that scheduler_stop_command stopped. Default: none. Set
it whenever scheduler_stop_command is set.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'conductor_stop_command',
        help=_text("""
Kills every process of nova-conductor, so that all that it was doing is lost.
Example: ``ssh controller sudo systemctl kill --signal=SIGKILL
devstack@n-super-cond devstack@n-cond-cell1``. Default: none, and the scenarios
that need it skip. Set it where the machine that runs Tempest can reach every
conductor. Nothing may start the killed processes again by itself.""", _ENDS,
                   _COMMAND),
        secret=True),
    cfg.StrOpt(
        'conductor_start_command',
        help=_text("""
Starts the conductors that conductor_stop_command killed. Default: none. Set it
whenever conductor_stop_command is set.""", _COMMAND),
        secret=True),
    _limit('lease_timeout', 1200,
           'another process of the same "tempest run" gives back a host',
           'After this time the scenario skips. Raise it where --concurrency '
           'is high, and target hosts are few.'),
    _limit('command_timeout', 240, 'a command of an outage has ended',
           'Raise it where a login to a host is slow, or where a compute '
           'takes longer to end. nova-compute 33.0.0 and later ends only '
           'after manager_shutdown_timeout of nova.conf, which is 160 by '
           'default.'),
    cfg.IntOpt(
        'stop_settle_time', default=180, min=1,
        help=_text("""
For how many seconds a stop command may still take effect. Such a command was
cut off, has failed, or was left behind by its run. What the command has
reached by ssh, docker or ansible may go on. So the restore watches the service
for that time, and starts the service again if it falls. Default: 180, because
nova-compute 33.0.0 and later needs 160 seconds to end. Raise it where
manager_shutdown_timeout of nova.conf is above 160.""")),
    _limit('api_timeout', 300,
           'an API that fails during a restore answers again',
           'Raise it where controllers take longer to come back. After this '
           'time a host that is down stays down.'),
    _limit('service_down_timeout', 180,
           'Nova shows a stopped or forced-down service as down',
           'Raise it where service_down_time of nova.conf is above 60.'),
    _limit('service_up_timeout', 300,
           'Nova shows a started compute service as up, with two heartbeats '
           'seen',
           'Raise it where computes start slowly, or where report_interval of '
           'nova.conf is above 10.'),
    _limit('trait_timeout', 120,
           'the trait COMPUTE_STATUS_DISABLED follows a compute that was '
           'disabled or enabled',
           'Nova puts the trait on the provider of a disabled compute, and '
           'removes it again. Raise it where the message bus is slow.'),
    _limit('delete_timeout', 120,
           'a deleted server answers 404',
           'Raise it where deletes wait for other deletes.'),
    _limit('action_timeout', 30,
           "Nova has recorded the delete among the server's actions",
           'Raise it where the database of the cell is slow.'),
    _limit('cleanup_timeout', 60,
           'nothing is left of a server that its compute deleted',
           'The time begins when the server answers 404. Raise it where '
           'Placement is slow.'),
    _limit('local_cleanup_timeout', 5,
           'nothing is left of a server that the API deleted locally',
           "The time begins when the server answers 404. Nova's API cleans up "
           'before that, so this time is only for replication delays. Keep it '
           'far below update_resources_interval of nova.conf (60 by default). '
           'Otherwise the audit of a live compute would hide a leak.'),
    cfg.IntOpt(
        'stays_gone_period', default=60, min=1,
        help=_text("""
How many seconds the scenarios of test_stays_gone continue to read after a
local delete. The host stays down for that time. Default: 60. Raise it where
services repeat their requests for longer.""")),
    _limit('heal_timeout', 300,
           "a compute's start or its audit has removed a deleted server's "
           'allocations',
           'Raise it where update_resources_interval of nova.conf is above '
           '120.'),
    _limit('reap_timeout', 2400,
           'the guest of a locally deleted server is gone from its host',
           'The time begins when the compute has started. Raise it where '
           'running_deleted_instance_poll_interval of nova.conf is above '
           'its default of 1800. Lower that interval to wait for less time.'),
    _limit('placement_timeout', 120,
           'a stopped Placement is out of reach, or a started Placement '
           'answers',
           'Raise it where Placement starts slowly.'),
    cfg.IntOpt(
        'request_timeout', default=90, min=1,
        help=_text("""
Limit in seconds of a request to an API, from its first byte to the last byte
of its answer. Default: 90. Raise it where rpc_response_timeout of nova.conf is
above 60. Some requests wait for a compute, and Nova answers them only after
that time. This option replaces http_timeout of [service-clients].""")),
    cfg.FloatOpt(
        'poll_interval_start', default=0.2, min=0.01,
        help=_text("""
Shortest pause in seconds between two looks of a wait. After some looks each
pause is a tenth of the wait so far. Default: 0.2. Raise it where the APIs are
throttled.""")),
    cfg.FloatOpt(
        'poll_interval_max', default=3.0, min=0.01,
        help=_text("""
Longest pause in seconds between two looks of a wait. Default: 3. Raise it
where the APIs are throttled.""")),
]


def list_opts() -> list[tuple[cfg.OptGroup, list[cfg.Opt]]]:
    """List the options for ``oslo-config-generator``.

    :returns: A list of (group, options).
    """
    return [(local_delete_group, LocalDeleteGroup)]
