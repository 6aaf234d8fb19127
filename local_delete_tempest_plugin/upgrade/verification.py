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

"""Verify a stage: compare what is there, and delete its servers locally."""

from collections.abc import Callable
from collections.abc import Iterator
import contextlib
import dataclasses
import enum
from typing import Any

from oslo_log import log as logging
from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.cloud import versions
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal as recovery_journal
from local_delete_tempest_plugin.recovery import servers as recovery_servers
from local_delete_tempest_plugin.recovery import stages
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import guard as safety_guard
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import hosts
from local_delete_tempest_plugin.scenario.steps import servers
from local_delete_tempest_plugin.scenario.steps import setup
from local_delete_tempest_plugin.upgrade import comparison
from local_delete_tempest_plugin.upgrade import stage_file

CONF = config.CONF
LOG = logging.getLogger(__name__)

#: The checks, in the words of the table.
UPGRADE, DELETE = 'through the upgrade', 'local delete'


class Outcome(enum.Enum):
    """How a check ended."""

    GOOD = 'good'
    BAD = 'bad'
    #: A host may not be taken down, so nothing was changed.
    NOT_TRIED = 'not tried'


@dataclasses.dataclass(frozen=True)
class Verdict:
    """What a check came to.

    :param what: The server, or another thing that was checked.
    :param check: The check.
    :param outcome: How it ended.
    :param words: What was found.
    """

    what: str
    check: str
    outcome: Outcome
    words: str


class _Left(timeline.Timeline):
    """What is left of a server, in short."""

    def __init__(self) -> None:
        super().__init__()
        self.when = ''
        self.requests: list[str] = []
        self._amounts: dict[tuple[str, str], list[str]] = {}

    def note_left(self, what: str, where: str, of: str) -> None:
        self._amounts.setdefault((where, of), []).append(what)

    def __str__(self) -> str:
        return '%s: %s; deleted by request %s' % (
            self.when, '; '.join(
                '%s left%s%s' % (', '.join(amounts), where and ' on ' + where,
                                 of and ' by ' + of)
                for (where, of), amounts in self._amounts.items()),
            ', '.join(self.requests))


class Verification:
    """Compares the servers of a stage, and deletes them.

    :param admin: An ``admin.Admin``.
    :param member: The ``tempest.clients.Manager`` of the member who has the
        servers.
    :param stage: What the file of the stage tells.
    :param progress: Takes words for what is under way.
    """

    def __init__(self, admin: cloud_admin.Admin, member: Any,
                 stage: stage_file.Stage,
                 progress: Callable[[str], None]) -> None:
        self._admin = admin
        self._member = member
        self._stage = stage
        self._progress = progress
        self._run = run.Run(stage.run_id)
        self._guard = safety_guard.Guard(self._run, admin)
        self._lease = lease.Lease(admin, self._run.trait)
        self._shown: dict[str, dict[str, Any]] = {}

    def find_servers(self) -> None:
        """Look which servers are there, and whose they are.

        The guard takes them for the run's own afterwards. So the file alone is
        no proof.

        :raises StageUnusable: none is there, or one is not of the stage.
        """
        for server in self._stage.servers:
            try:
                shown = self._admin.servers_client.show_server(
                    server.id)['server']
            except lib_exc.NotFound:
                continue
            if (shown['tenant_id'] != self._stage.project_id
                    or not self._run.owns(shown['name'])):
                raise exceptions.StageUnusable(
                    problem='server %s (%s) is not of stage %s, and its file '
                    'says so' % (shown['name'], server.id, self._run.id))
            self._shown[server.id] = shown
            self._run.servers.add(server.id)
            self._run.migrations |= {
                migration['uuid'] for migration in self._admin.migrations(
                    instance_uuid=server.id)} & {*server.consumers}
        if not self._shown:
            raise exceptions.StageUnusable(
                problem='no server of stage %s is there: it was verified, or '
                'recovered' % self._run.id)

    # -- through the upgrade

    def compare(self) -> Iterator[Verdict]:
        """Compare what is there with what was there at the stage.

        :returns: A verdict on each host, server and amount.
        """
        for target in self._stage.targets:
            yield _judge(str(target), self._of_host(target))
        names: dict[str, str] = {}
        for server in self._stage.servers:
            self._progress('comparing %s' % server.name)
            reads = self._reader_of(server)
            now = reads.read(server.consumers)
            names.update(reads.provider_names)
            yield _judge(str(server), comparison.of_server(
                server, self._shown.get(server.id), now, names))
        yield _judge('project %s' % self._stage.project_id, [
            *comparison.of_project(self._stage.servers[-1].during, now),
            *comparison.of_providers(now, names)])
        yield Verdict('the cloud', 'may change', Outcome.GOOD, ', '.join(
            '%s %s (was %s)' % (name, version,
                                self._stage.versions.get(name, 'not known'))
            for name, version in versions.read(self._admin).items()))

    def _of_host(self, target: compute_services.TargetHost) -> list[str]:
        """Tell what of a host is not as it was at the stage."""
        try:
            now = self._admin.services.target_host(target.host)
            service = self._admin.services.show(target.host)
        except exceptions.OutageRefused as refusal:
            return [str(refusal)]
        if now.provider_id != target.provider_id:
            return ['its provider is %s (%s) now' % (
                now.provider_name, now.provider_id)]
        is_fenced = run.fenced_by(service.disabled_reason) == self._run.id
        if self._is_out(target):
            return [] if is_fenced and service.forced_down else [
                'it was out, and now: %s' % service]
        return ['a verify has taken it out. If that one does not run any '
                'more: tempest local-delete recover --run %s' % self._run.id
                ] if is_fenced else []

    def _is_out(self, target: compute_services.TargetHost) -> bool:
        return any(server.is_host_out and server.host == target.host
                   for server in self._stage.servers)

    def _reader_of(self, server: stage_file.StagedServer) -> reader.Reader:
        reads = reader.Reader(
            self._admin, self._member, self._stage.targets,
            self._stage.project_id, self._run)
        reads.tracked.update(server.before.resources, server.during.resources)
        return reads

    # -- local deletes

    def refusals(self) -> list[Verdict]:
        """Ask the guard about each host that has to be taken down.

        :returns: A verdict on each server that may not be deleted now.
        """
        found = []
        of_hosts = {host: self._refusal(host)
                    for host in {server.host for server in self._servers()}}
        for server in self._servers():
            words = of_hosts[server.host]
            try:
                for option in getattr(
                        stage_file.OUTAGES[server.outage], 'needs', ()):
                    commands.arguments(option, server.host)
            except exceptions.CommandFailed as error:
                words = words or exceptions.one_line(error)
            if words:
                found.append(Verdict(str(server), DELETE, Outcome.NOT_TRIED,
                                     words))
        return found

    def _refusal(self, host: str) -> str:
        """Say why a host may not be taken down; nothing where it may."""
        target = next(target for target in self._stage.targets
                      if target.host == host)
        if self._is_out(target):
            return ''
        try:
            self._guard.check(target)
        except exceptions.OutageRefused as refusal:
            return exceptions.one_line(refusal)
        return ''

    def _servers(self) -> list[stage_file.StagedServer]:
        return [server for server in self._stage.servers
                if server.id in self._shown]

    def end(self, abandoned: abandoned_runs.AbandonedRun,
            cloud: identity.Cloud) -> Iterator[Verdict]:
        """Delete the servers locally, one by one, and undo all of the stage.

        From now on the run is an abandoned run, and no stage.

        :param abandoned: What ``holding`` gave.
        :param cloud: The cloud of tempest.conf.
        :returns: A verdict on each server, and on the undo.
        :raises JournalUnusable: the journal cannot be written. Then nothing
            is changed.
        """
        signals.end_as_ctrl_c_does()
        journal = _open(abandoned, cloud)
        yield from self._delete_all(journal)
        self._progress('undoing the rest')
        abandoned.intents = journal.left()
        recovery = undo.Recovery(self._admin)
        outcomes = (recovery.undo_all(abandoned) if abandoned.file
                    else recovery.search(self._run.id))
        failure = undo.failure_of(abandoned, outcomes)
        abandoned.close(recovered=not failure)
        left = ['%s %s: %s: %s' % (one.kind, one.words, one.result.value,
                                   one.why) for one in outcomes
                if one.result is not undo.Result.UNDONE]
        yield Verdict('the rest of the stage', 'undo',
                      Outcome.BAD if left else Outcome.GOOD,
                      '; '.join(left) or 'nothing of it is left')

    def _delete_all(self,
                    journal: recovery_journal.Journal) -> Iterator[Verdict]:
        for server in self._servers():
            self._progress('deleting %s (%s)' % (server.name, server.outage))
            left = _Left()
            words, outcome = 'nothing is left', Outcome.GOOD
            try:
                self._delete(server, setup.Testbed(
                    self._run, journal, self._admin, self._member), journal,
                    left)
            except exceptions.LeakFound as error:
                LOG.warning('%s', error)
                words, outcome = str(left), Outcome.BAD
                # Otherwise it would be found again with the next server.
                recovery_servers.remove_allocations(
                    self._admin, self._own(server))
            except (AssertionError, lib_exc.TempestException) as error:
                words, outcome = exceptions.one_line(error), Outcome.BAD
            yield Verdict(str(server), '%s, %s' % (DELETE, server.outage),
                          outcome, words)

    def _own(self, server: stage_file.StagedServer) -> list[str]:
        """Name the consumers of a server, as far as Nova confirms them."""
        return [consumer for consumer in server.consumers
                if consumer in self._run.consumers]

    def _delete(self, server, testbed, journal, left):
        watch = self._watch(server, left)
        target = self._stage.target_of(server)
        with contextlib.ExitStack() as back:
            if server.is_host_out:
                back.callback(self._give_back, target, journal)
            else:
                self._lease.take(target.provider_id)
                away = back.enter_context(stage_file.OUTAGES[server.outage](
                    self._admin, journal, self._guard, target,
                    self._run.fence_reason if CONF.local_delete.fence_host
                    else None))
                away.begin()
            left.when = 'while its host was out'
            left.requests = watch.delete_requests
            self._delete_locally(server, testbed, watch)
            watch.assert_nothing_left(CONF.local_delete.local_cleanup_timeout)
        left.when = 'after its host was back'
        watch.assert_nothing_left(CONF.local_delete.cleanup_timeout)

    def _watch(self, server: stage_file.StagedServer, left: '_Left'
               ) -> footprint.FootprintWatch:
        """Watch what should be there when a server is deleted."""
        own = self._own(server)
        reads = self._reader_of(server)
        prior = reads.read(own)
        watch = footprint.FootprintWatch(
            reads, self._stage.targets, lambda *detail: None, notes=left)
        watch.before = comparison.expected(prior, server, own)
        watch.during = prior
        watch.add(footprint.Server(server.id, server.name, server.host,
                                   server.created))
        watch.consumers.update(own)
        return watch

    def _delete_locally(self, server, testbed, watch):
        leased = hosts.LeasedHosts(
            self._admin, self._guard, self._lease, testbed.intents)
        member = servers.MemberServers(
            self._member.servers_client, self._admin, testbed, leased, watch,
            testbed.addCleanup)
        staged = watch.servers[server.id]
        request_id = member.request_delete(staged)
        member.await_gone(staged)
        member.assert_deleted_locally(staged, request_id)

    def _give_back(self, target, journal):
        """Give a host back that was out through the upgrade."""
        recovery = undo.Recovery(self._admin)
        intents = [intent for intent in journal.left() if isinstance(
            intent.change, compute_outage.ComputeChange)]
        for intent in intents or [
                safety_change.Intent(0, change) for change
                in compute_outage.ComputeChange.find(self._admin, self._run)
                if change.target == target]:
            recovery.undo(intent)
            journal.complete(intent)


@contextlib.contextmanager
def holding(cloud: identity.Cloud, run_id: str
            ) -> Iterator[abandoned_runs.AbandonedRun]:
    """Hold the journal of a stage, if it is on this machine.

    Of two processes each would give the member of the stage another password.

    :param cloud: The cloud of tempest.conf.
    :param run_id: Id of the run of the stage.
    :returns: A context manager, which gives the run.
    :raises JournalUnusable: another process holds the journal.
    """
    held = abandoned_runs.AbandonedRun(run_id, [])
    for abandoned in abandoned_runs.find(cloud, run_id).abandoned:
        if abandoned.run_id == run_id:
            held = abandoned
        else:
            abandoned.close(recovered=False)
    if not held.file:
        abandoned_runs.refuse_if_alive(run_id)
    try:
        yield held
    finally:
        held.close(recovered=False)


def _open(abandoned: abandoned_runs.AbandonedRun,
          cloud: identity.Cloud) -> recovery_journal.Journal:
    """Give the journal of a stage that ends, or a new one of its run."""
    if not abandoned.file:
        journal = recovery_journal.Journal(abandoned.run_id)
        journal.cloud = cloud
        return journal
    journal = recovery_journal.Journal.resume(
        abandoned.run_id, abandoned.file, abandoned.intents)
    for intent in abandoned.intents:
        if isinstance(intent.change, stages.StageChange):
            # If this process is killed, the next run gives the hosts back.
            journal.update(intent, dataclasses.replace(
                intent.change, until=0))
    return journal


def _judge(what: str, differences: list[str]) -> Verdict:
    return Verdict(what, UPGRADE, Outcome.BAD if differences else Outcome.GOOD,
                   '; '.join(differences) or 'as before')
