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

"""``tempest local-delete stage``: make servers that outlive an upgrade."""

import argparse
import datetime
import pathlib

from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.upgrade import stage
from local_delete_tempest_plugin.upgrade import stage_file

_MOST_DAYS = 365


class Stage(base.Command):
    """Make servers before an upgrade, and write down what they hold.

    The servers stay until "verify" deletes them after the upgrade. Until then
    no other run takes their hosts down, or undoes the stage.

    The exit code is 0 if the stage is made. It is 1 if it cannot be made, and
    then nothing of it is left. It is 2 if the command line is wrong. It is 130
    after Ctrl-C.
    """

    columns = 'Server', 'Host', 'Kind', 'Outage'

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'file', metavar='FILE', type=pathlib.Path,
            help='where to write what the servers hold; no file may be there')
        parser.add_argument(
            '--days', metavar='N', type=_days, default=14,
            help='how many days the stage is meant to stay; the next run '
            'undoes it after that (default: %(default)s)')
        parser.add_argument(
            '--host-out', action='store_true',
            help='also take one more target host out through the upgrade, '
            'with a server on it; the host is fenced and forced down')
        return parser

    def take_action(self, args: argparse.Namespace) -> tuple:
        until = (datetime.datetime.now(datetime.timezone.utc)
                 + datetime.timedelta(days=args.days)).replace(
                     second=0, microsecond=0)
        progress = self.progress('Staging')
        try:
            made = stage.make(args.file, until, args.host_out, progress.show)
        finally:
            progress.end()
        self._last_lines = [
            *('Left out: %s: %s' % (stage_file.KINDS.get(name, name), why)
              for name, why in made.left_out.items()),
            'Stage %s is meant to stay until %s. After the upgrade: tempest '
            'local-delete verify %s. To undo it: tempest local-delete recover '
            '--run %s' % (made.run_id, run.moment(until), args.file,
                          made.run_id)]
        return self.columns, [
            (server.name, server.host, stage_file.KINDS[server.kind],
             server.outage) for server in made.servers]


def _days(text):
    if not text.isdecimal() or not 1 <= int(text[:9]) <= _MOST_DAYS:
        raise argparse.ArgumentTypeError(
            '%r is no number of days from 1 to %d' % (text, _MOST_DAYS))
    return int(text)
