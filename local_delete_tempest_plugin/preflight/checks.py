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

"""Do all checks in their order.

The checks send only GET requests, and the POST that gets a token.
"""

from collections.abc import Callable
from collections.abc import Collection
from collections.abc import Iterator
import contextlib
import functools

from tempest import config

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.cloud import endpoints as cloud_endpoints
from local_delete_tempest_plugin.cloud import front_end
from local_delete_tempest_plugin.preflight import cloud
from local_delete_tempest_plugin.preflight import endpoints
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import options
from local_delete_tempest_plugin.preflight import pace
from local_delete_tempest_plugin.preflight import quotas
from local_delete_tempest_plugin.preflight import reading
from local_delete_tempest_plugin.preflight import roles
from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.preflight import start_commands
from local_delete_tempest_plugin.scenario.steps import base

CONF = config.CONF

# How many hosts are read: their answers are alike.
_MANY = 8

_LOGIN = ('see [identity] uri_v3 and ca_certificates_file, and the admin of '
          '[auth]')


class Checks:
    """All that can be checked without a change.

    :param scenario_classes: The classes of scenarios to foresee.
    :param try_commands: Whether to run the start commands of outages.
    :param progress: Takes the name of each check before it begins.
    """

    def __init__(
            self,
            scenario_classes: Collection[type[base.BaseLocalDeleteTest]],
            try_commands: bool = False,
            progress: Callable[[str], None] = lambda words: None) -> None:
        self._scenario_classes = scenario_classes
        self._try_commands = try_commands
        self._progress = progress
        self._usable_hosts: int | None = None
        self._front: str | None = None
        self._pace = pace.OF_NOVA

    def run(self) -> Iterator[finding.Finding]:
        """Do all checks. A check that cannot be done has failed.

        :returns: An iterator of ``finding.Finding``.
        """
        yield from finding.collect('options', options.check)
        yield from finding.collect('[identity] uri_v3',
                                   endpoints.check_keystone)
        if not CONF.auth.use_dynamic_credentials:
            self._progress('accounts')
            yield from finding.collect('accounts', roles.check_provisioned,
                                       'see [auth] test_accounts_file')
        self._progress('admin')
        yield from finding.collect('admin', self._ask_as_admin, _LOGIN)
        yield from finding.collect('scenarios', self._foresee)

    def _ask_as_admin(self):
        cloud_endpoints.require_tls_to_keystone()
        manager = accounts.log_in_admin()
        yield from roles.check_admin(manager)
        self._progress('endpoints')
        yield from finding.collect('endpoints',
                                   lambda: endpoints.check(manager))
        # All that follows sends the token to the endpoints.
        cloud_endpoints.require_tls(lambda: manager)
        if CONF.auth.use_dynamic_credentials:
            yield from finding.collect('dynamic credentials',
                                       lambda: roles.check_dynamic(manager))
        admin = admins.Admin.of(manager)
        members = self._members()
        asked = cloud.CloudChecks(
            admin, None if members is None else [
                reading.project_of(member) for member in members.values()],
            self._progress)
        yield from asked.run()
        self._usable_hosts = asked.usable_hosts
        self._pace = asked.pace
        yield from self._read(admin, members, asked)
        if asked.flavor:
            yield from self._check_quotas(admin, members, asked.flavor)
        self._front = front_end.find(admin.placement)
        if self._try_commands:
            self._progress('commands')
            yield from finding.collect('commands',
                                       lambda: start_commands.check(admin))

    def _members(self):
        """Log in with an account of each project that may make servers.

        :returns: {name: ``clients.Manager``}, or None where Tempest makes
            the accounts.
        """
        if CONF.auth.use_dynamic_credentials:
            return None
        members = {}
        for account in accounts.read():
            if not account.is_project_member or account.project in members:
                continue
            manager = account.log_in()
            # It is a finding of its own if the account cannot log in.
            with contextlib.suppress(*finding.FAILURES):
                reading.project_of(manager)
                members[account.project] = str(account), manager
        return dict(members.values())

    def _read(self, admin, members, asked):
        # A project that Tempest will make has nothing, so the admin's own is
        # read in its place.
        for name, member in ({'admin': admin.manager} if members is None
                             else members).items():
            self._progress('reading as %s' % name)
            yield from finding.collect(
                'reading as %s' % name, functools.partial(
                    reading.check, admin, member, name, asked.targets[:_MANY],
                    asked.has_image),
                'each scenario begins with this reading, and fails until the '
                'answer is well formed')

    def _check_quotas(self, admin, members, flavor):
        self._progress('quotas')
        if members is None:
            looks = {'quota of new projects': functools.partial(
                quotas.check_default, admin)}
        else:
            looks = {'quota of %s' % name: functools.partial(
                quotas.check_project, member, name)
                for name, member in members.items()}
        for name, look in looks.items():
            yield from finding.collect(
                name, functools.partial(look, flavor),
                'make sure that [compute] catalog_type leads to Nova')

    def _foresee(self):
        for scenario_class in self._scenario_classes:
            yield from scenarios.foresee(
                scenario_class, self._usable_hosts, self._front, self._pace)
