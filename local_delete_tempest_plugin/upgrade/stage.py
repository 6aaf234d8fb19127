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

"""Make a stage: servers that outlive their run, until after an upgrade."""

from collections.abc import Callable
import contextlib
import datetime
import pathlib
from typing import Any
import unittest

from tempest import config

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.common import timeline
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import credentials
from local_delete_tempest_plugin.recovery import stages
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import moves
from local_delete_tempest_plugin.scenario.steps import servers
from local_delete_tempest_plugin.scenario.steps import setup
from local_delete_tempest_plugin.scenario.steps import user_resources
from local_delete_tempest_plugin.upgrade import stage_file

CONF = config.CONF

#: What Nova shows of a server that an upgrade must not change.
SHOWN = ('status', 'OS-EXT-STS:task_state', 'OS-EXT-STS:vm_state',
         'OS-EXT-SRV-ATTR:host', 'flavor')


def make(path: pathlib.Path, until: datetime.datetime, host_out: bool,
         progress: Callable[[str], None]) -> stage_file.Stage:
    """Make a stage, or nothing.

    :param path: Where its file is to be. No file is there yet.
    :param until: Until when the stage is meant to stay.
    :param host_out: Whether one more host is to be out through the upgrade.
    :param progress: Takes words for what is under way.
    :returns: The stage.
    :raises StageUnusable: the options or the cloud do not allow it.
    :raises OSError: the file cannot be made.
    """
    setup.THIS_RUN.until = until
    with contextlib.ExitStack() as undo, open(path, 'x') as file:
        undo.callback(path.unlink)
        try:
            stage = StageMaker(undo, progress).make(until, host_out)
        except unittest.SkipTest as skip:
            raise exceptions.StageUnusable(problem=str(skip)) from None
        progress('writing %s' % path)
        stage_file.write(file, stage)
        # From now on the run is a stage. Until now it would be abandoned.
        setup.JOURNAL.intend(stages.StageChange.of(setup.THIS_RUN, until))
        setup.JOURNAL.let_go()
        if stage.user_id is None:
            # Other runs may have the account. Verify only logs in with it.
            credentials.release_accounts(setup.THIS_RUN)
        undo.pop_all()
    return stage


class StageMaker(moves.Moves, user_resources.UserResources):
    """Makes the servers of a stage with the steps of the stories.

    Tempest does not run it, because it is no test: what it makes has to stay.

    :param undo: Takes what undoes each change, should the stage fail.
    :param progress: Takes words for what is under way.
    """

    # No admin of the stage's own is to live on for days.
    credentials = ['project_member']

    def __init__(self, undo: contextlib.ExitStack,
                 progress: Callable[[str], None]) -> None:
        super().__init__('make')
        self._undo = undo
        self._progress = progress
        self._targets: list[Any] = []
        self._made: list[stage_file.StagedServer] = []
        #: {kind or outage: why it is left out}.
        self.left_out: dict[str, str] = {}
        self.timeline = timeline.Timeline()

    @classmethod
    def setup_clients(cls) -> None:
        cls.os_admin = accounts.log_in_admin()
        super().setup_clients()

    def addCleanup(self, function: Callable[..., Any], *arguments: Any,
                   **options: Any) -> None:
        self._undo.callback(function, *arguments, **options)

    def make(self, until: datetime.datetime,
             host_out: bool) -> stage_file.Stage:
        """Make the servers.

        :param until: As for the function ``make``.
        :param host_out: As for the function ``make``.
        :returns: The stage.
        :raises unittest.SkipTest: the options or the cloud do not allow it.
        """
        self._set_up()
        if host_out:
            self._lease(1)
            self._add('host-out', compute_outage.ForcedDown.name)
            self._take_out()
        kinds = self._kinds()
        self._lease(moves.HOSTS if 'resize' in kinds else 1)
        for outage in self._outages():
            for kind in kinds:
                self._add(kind, outage)
        assert setup.JOURNAL.cloud is not None
        user = self._get_credentials_provider().get_project_member_creds()
        return stage_file.Stage(
            run_id=self.testbed.run.id, until=run.moment(until),
            cloud=setup.JOURNAL.cloud,
            project_id=self.testbed.project_id,
            user_id=(user.user_id if CONF.auth.use_dynamic_credentials
                     else None),
            versions=self.versions, left_out=self.left_out,
            targets=self._targets, servers=self._made)

    def _set_up(self):
        """Make what a class of scenarios has before its first test."""
        self._progress('accounts and flavors')
        try:
            self.setUpClass()
        except Exception:
            # Tempest has undone what was made.
            raise
        except BaseException:
            self.tearDownClass()
            raise
        self._undo.callback(self.tearDownClass)

    def _kinds(self):
        """Name the kinds of servers that this cloud and its options allow."""
        return self._allowed(('plain', 'port', 'volume', 'resize'), {
            'port': needs.networks() or (
                'the project has no network of its own, or several'
                if self.testbed.networks == setup.NO_NETWORK else None),
            'volume': needs.volumes(),
            'resize': needs.feature('resize')() or needs.two_hosts()})

    def _outages(self):
        return self._allowed(stage_file.OUTAGES, {
            name: needs.commands(*getattr(kind, 'needs', ()))()
            for name, kind in stage_file.OUTAGES.items()})

    def _allowed(self, names, missing):
        """Pick those of which nothing is missing, and note the others."""
        self.left_out.update(
            {name: words for name, words in missing.items() if words})
        return [name for name in names if not missing.get(name)]

    def _lease(self, count):
        self._progress('leasing hosts')
        self.hosts = self._lease_hosts(count, None)
        self._targets += self.hosts.targets

    def _take_out(self):
        self._progress('taking host %s out' % self.hosts.target.host)
        away = self.useFixture(compute_outage.ForcedDown(
            self.admin, setup.JOURNAL, self.testbed.guard, self.hosts.target,
            # Without its fence nothing on another machine would tell of it.
            self.testbed.run.fence_reason))
        away.begin()

    def _add(self, kind, outage):
        self._progress('%s (%s)' % (stage_file.KINDS[kind], outage))
        server = self._create(kind)
        shown = self.servers.show(server.id)
        assert self.watch.during is not None
        self._made.append(stage_file.StagedServer(
            kind=kind, outage=outage, id=server.id, name=server.name,
            host=server.host or '', created=server.created,
            consumers=sorted(self.watch.consumers),
            shown={field: shown.get(field) for field in SHOWN},
            before=self.watch.before, during=self.watch.during))

    def _create(self, kind):
        self.brought = set()
        port = self.bring_port() if kind == 'port' else None
        volume = self.bring_volume() if kind == 'volume' else None
        self._begin_watch()
        server = self.create_server(
            **{'networks': [{'port': port[1]}]} if port else {})
        if volume:
            self.attach_volume(server, volume)
        if kind == 'resize':
            server, _ = self.resize_server(server)
        return server

    def _begin_watch(self):
        self.watch = footprint.FootprintWatch(
            reader.Reader(self.admin, self.member, self.hosts.targets,
                          self.testbed.project_id, self.testbed.run),
            self.hosts.targets, lambda *detail: None)
        self.watch.track(*self.brought)
        self.watch.begin()
        self.servers = servers.MemberServers(
            self.member.servers_client, self.admin, self.testbed, self.hosts,
            self.watch, self.addCleanup)
