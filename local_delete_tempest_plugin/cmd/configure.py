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

"""``tempest local-delete configure``: write a tempest.conf for this cloud."""

import argparse
from collections.abc import Iterator
from collections.abc import Sequence
import pathlib

from tempest import config

from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import clouds_yaml
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin.configure import access
from local_delete_tempest_plugin.configure import conf_file
from local_delete_tempest_plugin.configure import deployments
from local_delete_tempest_plugin.configure import hosts
from local_delete_tempest_plugin.configure import resources
from local_delete_tempest_plugin.configure import settings
from local_delete_tempest_plugin.safety import guard

CONF = config.CONF

_COMMANDS = ('the commands that stop and start services: no API tells them, '
             'and scenarios that need them skip. ')


class Configure(base.Command):
    """Write options into tempest.conf from what the cloud answers.

    The cloud is only read. No option is overwritten, and no host may be taken
    down that you did not name. The exit code is 0 if the file is written. It
    is 1 if it cannot be, and then the file is as before. It is 2 if the
    command line is wrong.
    """

    columns = 'Option', 'Value', 'Why'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            '--allow-outages', metavar='HOST,...', type=_hosts, default=(),
            help='let scenarios take these hosts down. Each has to be free '
            'of servers. Without it allow_outages is False, and two free '
            'hosts are proposed in a comment')
        parser.add_argument(
            '--min-other-hosts', metavar='N', type=_count,
            help='how many other computes have to be up (default: as the '
            'option min_other_hosts, 1)')
        parser.add_argument(
            '--all-sections', action='store_true',
            help='also write what Tempest itself needs: the admin and its '
            'password, services, microversions, image, flavors, network. '
            'Without it only [local_delete] is written')
        parser.add_argument(
            '--deployment', choices=sorted(deployments.COMMANDS),
            help='propose the commands that stop and start services of this '
            'kind of deployment, in comments')
        parser.add_argument(
            '--replace', action='store_true',
            help='write options again that are there; the old lines become '
            'comments')
        parser.add_argument(
            '--dry-run', action='store_true',
            help='show what would be written, and write nothing')
        return parser

    def take_action(self, args: argparse.Namespace) -> tuple:
        chosen = settings.Settings(args.replace)
        progress = self.progress('Asking')
        try:
            with admin.microversions():
                _choose(chosen, args, progress.show)
        finally:
            progress.end()
        written = [choice for choice in chosen.choices
                   if args.all_sections or choice.group == settings.OWN]
        path = pathlib.Path(CONF.config_file[-1])
        has_secret = any(choice.is_secret for choice in written)
        if not args.dry_run:
            conf_file.write(path, conf_file.merge(path.read_text(), written),
                            has_secret)
        self._last_lines = [
            'Nothing was written, because of --dry-run.' if args.dry_run else
            'Wrote %s%s.' % (path, ', which only its owner may read, because '
                             'it has a password' if has_secret else ''),
            *_left(chosen, written, args)]
        return self.columns, [
            (str(choice), choice.shown,
             ('As a comment: ' if choice.is_comment else '') + choice.why)
            for choice in written]


def _choose(chosen, args, progress):
    hosts.refuse_what_is_there(chosen)
    account = None
    if args.os_cloud is not None:
        account = clouds_yaml.read(args.os_cloud, CONF.identity.uri_v3)
        access.choose_keystone(chosen, account)
    endpoints.require_tls_to_keystone()
    progress('account')
    manager = base.find_admin().manager
    access.check_role(manager)
    _, token = manager.auth_provider.auth_data
    if account:
        access.choose_admin(chosen, account, token)
    access.choose_services(chosen, token)
    # Its clients know what was chosen.
    cloud = base.find_admin()
    endpoints.require_tls(lambda: cloud.manager)
    progress('APIs')
    resources.choose(chosen, cloud)
    hosts.choose(chosen, cloud, hosts.Allowed(
        args.allow_outages, args.min_other_hosts), progress)
    for option, command in deployments.COMMANDS.get(
            args.deployment, {}).items():
        chosen.propose(option, command, 'For %s; try it first.' % (
            args.deployment))


def _left(chosen: settings.Settings, written: Sequence[settings.Choice],
          args: argparse.Namespace) -> Iterator[str]:
    """Say what stays as it is, and what the operator has to do."""
    if chosen.kept:
        yield 'As before: %s.' % ', '.join(
            '[%s] %s' % name for name in chosen.kept)
    rest = [choice for choice in chosen.choices if choice not in written]
    if rest:
        yield 'Not written without --all-sections: %s.' % ', '.join(
            map(str, rest))
    for words in chosen.open:
        yield 'To do: ' + words + '.'
    if not CONF.local_delete.compute_stop_command:
        yield 'To do: %s%s.' % (_COMMANDS, 'See the comments in the file'
                                if args.deployment else 'See --deployment')
    yield 'Next: tempest local-delete preflight'


def _hosts(text):
    names = tuple(dict.fromkeys(
        name.strip() for name in text.split(',') if name.strip()))
    if not names or guard.ANY_HOST in names:
        raise argparse.ArgumentTypeError(
            '%r names no hosts: write their names with commas between' % text)
    return names


def _count(text):
    if not text.isdecimal():
        raise argparse.ArgumentTypeError('%r is no number of hosts' % text)
    return int(text)
