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

from oslo_config import cfg


def _text(*sentences):
    """Join lines, since oslo.config wraps the help itself."""
    return ' '.join(' '.join(sentences).split())


local_delete_group = cfg.OptGroup(
    name='local_delete',
    title='Local delete',
    help=_text("""
Scenarios that take a compute service down, delete a server of it, and prove
that nothing of the server is left. With the defaults all of them skip."""))

_COMMAND = """The command is split as a shell would split it and run without
a shell, as the user who runs Tempest, within command_timeout; an exit code
other than 0 is an error. A $ is written $$, as everywhere in tempest.conf.
Write no password into it, for the list of processes shows it, and so does the
message that tells how to start by hand what could not be started; ssh keys and
sudo rules need none."""

_HOST = """{host} is replaced with the name of the compute's host as Nova
has it; a host whose name is not a host name's grammar is refused."""


# Of the release 2026.1 (Nova 33.0.2).
_KNOWN_BUGS = ['deleted-service-refuses-moves',
               'half-way-migration-leaked', 'revert-cut-off-migration-leaked',
               'verify-resize-delete-undone', 'verify-resize-migration-leaked',
               'verify-resize-placement-out',
               'verify-resize-reset-state-leaked',
               'verify-resize-source-dead', 'volume-left-in-build']


def _limit(name, default, awaited, change):
    return cfg.IntOpt(
        name, default=default, min=1,
        help='Limit in seconds of the wait until %s. Default: %d. %s'
             % (awaited, default, change))


LocalDeleteGroup = [
    cfg.BoolOpt(
        'allow_outages', default=False,
        help=_text("""
Allow the scenarios to take the compute services of target_hosts out of
service. A boolean, default False: every scenario skips. Set it to True on a
cloud where these hosts may be down for some minutes.""")),
    cfg.ListOpt(
        'target_hosts', default=[],
        help=_text("""
Hosts of the compute services that may be taken down, as ``openstack compute
service list`` names them; one is used at a time, two for a move. A
comma-separated list; a lone * means every compute. Default: empty, which means
none, and every scenario skips. Name hosts on which nothing of value
runs.""")),
    cfg.BoolOpt(
        'allow_foreign_servers', default=False,
        help="""
Take a host down although servers, or other consumers in Placement, that the
run did not make are on it. A boolean, default False: the scenario skips and
names them. Set it to True only where their owners know: nobody can act on
these servers while their host is out."""),
    cfg.IntOpt(
        'min_other_hosts', default=1, min=0,
        help="""
How many other compute services must be up and enabled before one is taken
down. A number, default 1. Raise it to what the cloud's users need meanwhile;
0 allows an outage of the only compute."""),
    cfg.BoolOpt(
        'fence_host', default=True,
        help="""
Disable the compute service of a host before it is taken down, so that the
scheduler puts nobody else's server there meanwhile; the disabled reason names
the run and how to undo it. A boolean, default True. Set it to False only on a
cloud that has no other user."""),
    cfg.BoolOpt(
        'allow_service_delete', default=False,
        help=_text("""
Allow a scenario to delete the compute service of a host, whose process then
registers as a new one. A boolean, default False: the scenario skips. Set it to
True only where compute_id of nova-compute outlives its process (2023.1 and
later), new services are enabled and hosts are discovered by themselves
(enable_new_services and [scheduler] discover_hosts_in_cells_interval in
nova.conf), and no guest outlives its server: nova-compute refuses to register
where one does. Archive deleted rows (``nova-manage db archive_deleted_rows``)
from time to time: Nova 2026.1 may refuse to move servers from a host of which
it keeps the record of a deleted service.""")),
    cfg.BoolOpt(
        'allow_unfenced_outage', default=False,
        help=_text("""
Allow scenarios of servers in BUILD to stop a compute without fencing its host,
whatever fence_host says: a fence would keep their own server away. A boolean,
default False: they skip. Set it to True only on a cloud that has no other
user, for until the host is back or seen down the scheduler may send others'
servers to it, and these wait.""")),
    cfg.BoolOpt(
        'allow_placement_outage', default=False,
        help=_text("""
Allow the scenarios to stop Placement. A boolean, default False: the scenarios
that need it skip. Every tenant of the cloud feels it: while Placement is away
no server can be created, moved or deleted cleanly. Set it to True only on a
cloud that has no other user.""")),
    cfg.BoolOpt(
        'allow_scheduler_outage', default=False,
        help=_text("""
Allow the scenarios to stop Nova's scheduler. A boolean, default False: the
scenarios that need it skip. Every tenant of the cloud feels it: a server that
is created or moved meanwhile waits, and may end in ERROR. Set it to True only
on a cloud that has no other user.""")),
    cfg.BoolOpt(
        'require_tls', default=False,
        help=_text("""
Refuse to run, before anything is changed, where an endpoint is not https or
[identity] disable_ssl_certificate_validation is True, since passwords and
tokens can then be read on the way. A boolean, default False: ``tempest
local-delete preflight`` warns. Set it to True wherever the cloud has TLS. What
recovers from a dead run does not refuse.""")),
    cfg.StrOpt(
        'journal_dir',
        help="""
Directory of the journals, in which a run writes down what it is about to
change, for ``tempest local-delete recover``. Default: local-delete under
[oslo_concurrency] lock_path. Set it where lock_path does not outlive a
crash; every run on this machine needs the same."""),
    cfg.BoolOpt(
        'recover_on_start', default=True,
        help="""
Recover what a dead run of this machine left in its journal before anything
else is changed. A boolean, default True. With False the scenarios fail and
name the journal; set it to False to look at what was left first."""),
    cfg.BoolOpt(
        'reclaims', default=False,
        help=_text("""
Whether the cloud keeps deleted servers for a while, so that they can be
restored: nova.conf of the API and of the computes has
reclaim_instance_interval above 0. A boolean, default False: the scenarios
about soft deletes skip. Set it to True where the interval is longer than a
scenario takes, half an hour or more; the others then delete by force what a
live compute keeps. With a wrong value they fail, waiting for a server to be
gone, or to be SOFT_DELETED.""")),
    cfg.IntOpt(
        'many_servers', default=20, min=2,
        help=_text("""
How many servers of one host the scenario of many deletes has deleted at once.
A number, default 20. It skips where the project's quota or the host has no
room for them; set it lower there.""")),
    cfg.ListOpt(
        'known_bugs', default=_KNOWN_BUGS,
        help=_text("""
Defects of this cloud's Nova that are known, by their names in
doc/source/findings.rst. A scenario that shows one of them is expected to fail,
and fails the run when it does not any more: then take the name off. One that
``deleted-service-refuses-moves`` keeps from its story skips. A comma-separated
list; default: those of the release 2026.1. Set it to nothing to be told of
each.""")),
    cfg.StrOpt(
        'compute_stop_command',
        help=_text("""
Stops the compute service of a host for real, for example ``ssh {host} sudo
systemctl stop devstack@n-cpu``. Default: none, and the scenarios that need a
dead compute skip. Set it where the machine that runs Tempest can reach the
computes.""", _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'compute_start_command',
        help=_text("""
Starts what compute_stop_command stopped. Default: none. Set it whenever
compute_stop_command is set.""", _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'compute_freeze_command',
        help=_text("""
Freezes the compute service of a host, which is then to hang where it is, for
example ``ssh {host} sudo systemctl kill --signal=SIGSTOP devstack@n-cpu``. It
holds a move half-way, which no process that is started anew goes on with.
Default: none, and the scenarios that need it skip. Set it where the machine
that runs Tempest can reach the computes.""", _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'compute_thaw_command',
        help=_text("""
Lets go on what compute_freeze_command froze, for example ``ssh {host} sudo
systemctl kill --signal=SIGCONT devstack@n-cpu``; to one that is not frozen it
does nothing. Default: none. Set it whenever compute_freeze_command is
set.""", _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'placement_stop_command',
        help=_text("""
Stops the Placement API for real, for example ``ssh controller sudo systemctl
stop devstack@placement-api``. Default: none, and the scenarios that need a
Placement outage skip. Set it where the machine that runs Tempest can reach
Placement's. Behind a proxy its clients then see a 5xx answer; with
no proxy their connections are refused. These are two stories, and each has a
scenario of its own.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'placement_start_command',
        help=_text("""
Starts what placement_stop_command stopped. Default: none. Set it whenever
placement_stop_command is set.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'placement_proxy_stop_command',
        help=_text("""
Stops the proxy in front of the Placement API, so that connections to it are
refused. Default: none; then placement_stop_command is used. Set it only where
the proxy serves nothing but Placement.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'placement_proxy_start_command',
        help=_text("""
Starts what placement_proxy_stop_command stopped. Default: none. Set it
whenever placement_proxy_stop_command is set.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'guest_list_command',
        help=_text("""
Prints the UUIDs of the guests that run on a host's hypervisor, one a line, for
example ``ssh {host} sudo virsh list --uuid``. Default: none, and scenarios
that look at guests skip. Set it where the machine that runs Tempest can reach
the hypervisors; for a host whose guests cannot be seen it prints nothing.""",
                   _HOST, _COMMAND),
        secret=True),
    cfg.StrOpt(
        'scheduler_stop_command',
        help=_text("""
Stops every nova-scheduler for real, for example ``ssh controller sudo
systemctl stop devstack@n-sch``, which holds a server in BUILD. Default: none,
and the scenarios that need it skip. Set it where the machine that runs Tempest
can reach theirs, and a start takes less than nova.conf's rpc_response_timeout,
for as long as the conductor waits.""", _COMMAND),
        secret=True),
    cfg.StrOpt(
        'scheduler_start_command',
        help=_text("""
Starts what scheduler_stop_command stopped. Default: none. Set it whenever
scheduler_stop_command is set.""", _COMMAND),
        secret=True),
    _limit('command_timeout', 60, 'a command of an outage has ended',
           'Raise it where logging in to a host is slow.'),
    _limit('api_timeout', 300,
           'an API that fails while something is given back answers again',
           'Raise it where controllers take longer to come back: a host '
           'that is out stays out when this is over.'),
    _limit('service_down_timeout', 180,
           'Nova shows a stopped or forced-down compute service, or a stopped '
           'scheduler, as down',
           "Raise it where nova.conf's service_down_time is above 60."),
    _limit('service_up_timeout', 300,
           'Nova shows a compute service as up again, its process started '
           'and two heartbeats seen',
           'Raise it where computes start slowly or report_interval is '
           'above 10.'),
    _limit('trait_timeout', 120,
           'the trait COMPUTE_STATUS_DISABLED has appeared on, or gone from, '
           'the provider of a compute that was disabled or enabled',
           'Raise it where the message bus is slow.'),
    _limit('delete_timeout', 120,
           'a deleted server answers 404',
           'Raise it where deletes queue behind others.'),
    _limit('action_timeout', 30,
           "the delete is recorded among the server's actions",
           'Raise it where the database of the cell is slow.'),
    _limit('cleanup_timeout', 60,
           'nothing is left of a server that its compute deleted, counted '
           'from its 404',
           'Raise it where Placement is slow.'),
    _limit('local_cleanup_timeout', 5,
           'nothing is left of a server that the API deleted locally, '
           'counted from its 404',
           "Nova's API cleans up before it answers, so this is for "
           'replication delays alone. Keep it far below '
           "nova.conf's update_resources_interval (60 by default): a live "
           "compute's audit in that time would hide a leak."),
    _limit('heal_timeout', 300,
           "a compute's start or its periodic audit has removed the "
           'allocations of a deleted server',
           "Raise it where nova.conf's update_resources_interval is above "
           '120.'),
    _limit('reap_timeout', 2400,
           'the guest of a server that was deleted locally is gone from its '
           'host, whose compute has started',
           "Raise it where nova.conf's running_deleted_instance_poll_interval "
           'is above 1800, its default; lower that one to wait for less.'),
    _limit('placement_timeout', 120,
           'a stopped Placement is out of reach, and a started one answers',
           'Raise it where Placement starts slowly.'),
    cfg.IntOpt(
        'request_timeout', default=90, min=1,
        help="""
Limit in seconds of one request to an API, from its first byte to its answer's
last. Default: 90. Raise it where Nova's rpc_response_timeout is above 60: a
request that waits for a compute is answered after that. It stands in the place
of http_timeout of [service-clients]."""),
    cfg.FloatOpt(
        'poll_interval_start', default=0.2, min=0.01,
        help=_text("""
Seconds between the first two looks of a wait; each pause is half as long
again as the one before. Default: 0.2. Raise it where the APIs are
throttled.""")),
    cfg.FloatOpt(
        'poll_interval_max', default=3.0, min=0.01,
        help=_text("""
Longest pause in seconds between two looks of a wait. Default: 3. Raise it
where the APIs are throttled.""")),
]


def list_opts():
    """List the options for ``oslo-config-generator``.

    :returns: A list of (group, options).
    """
    return [(local_delete_group, LocalDeleteGroup)]
