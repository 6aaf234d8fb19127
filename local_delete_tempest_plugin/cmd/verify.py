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

"""``tempest local-delete verify``: what an upgrade has done to a stage."""

import argparse
from collections.abc import Iterator
import pathlib

from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.cmd import base
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.upgrade import member
from local_delete_tempest_plugin.upgrade import stage_file
from local_delete_tempest_plugin.upgrade import verification

#: The exit codes.
BAD, NOT_TRIED = 1, 3


class Verify(base.Command):
    """Compare the servers of a stage with its file, and delete them locally.

    Each server is deleted while its host is out. Then the host is given back,
    and nothing of the server may be left. At the end all of the stage is
    undone.

    The exit code is 0 if all is good. It is 1 if something has changed or is
    left, or if the stage cannot be verified. It is 2 if the command line is
    wrong. It is 3 if nothing has changed, and a host may not be taken down.
    No server is deleted then. It is 130 after Ctrl-C.
    """

    columns = 'What', 'Check', 'Outcome', 'Found'

    _code = 0
    _is_interrupted = False

    def get_parser(self, prog_name: str) -> argparse.ArgumentParser:
        parser = super().get_parser(prog_name)
        parser.add_argument(
            'file', metavar='FILE', type=pathlib.Path,
            help='what "tempest local-delete stage" has written')
        parser.add_argument(
            '--keep', action='store_true',
            help='only compare, and keep the stage as it is; this can be '
            'repeated')
        return parser

    def run(self, parsed_args: argparse.Namespace) -> int:
        return super().run(parsed_args) or (
            base.CTRL_C if self._is_interrupted else self._code)

    def take_action(self, args: argparse.Namespace) -> tuple:
        stage = stage_file.read(args.file)
        progress = self.progress('Verifying')
        verdicts = []
        try:
            with admin.microversions():
                for verdict in _verify(stage, args.keep, progress):
                    verdicts.append(verdict)
        except KeyboardInterrupt:
            # What was deleted by now is not judged again the next time.
            self._say('interrupted. To undo the rest: tempest local-delete '
                      'recover --run %s' % stage.run_id)
            self._is_interrupted = True
        except (lib_exc.TempestException, OSError) as error:
            if not verdicts:
                raise
            self._say(error)
            self._code = BAD
        finally:
            progress.end()
        outcomes = {verdict.outcome for verdict in verdicts}
        if verification.Outcome.BAD in outcomes:
            self._code = BAD
        elif verification.Outcome.NOT_TRIED in outcomes:
            self._code = self._code or NOT_TRIED
        return self.columns, [
            (verdict.what, verdict.check, verdict.outcome.value, verdict.words)
            for verdict in verdicts]


def _verify(stage: stage_file.Stage, keep: bool, progress: base.Progress
            ) -> Iterator[verification.Verdict]:
    # The member of the stage gets a password.
    endpoints.require_tls(accounts.log_in_admin)
    the_admin = base.find_admin()
    cloud = identity.Cloud.of(the_admin)
    why = stage.why_not_of(cloud)
    if why:
        raise exceptions.StageUnusable(
            problem='stage %s is not here: %s' % (stage.run_id, why))
    progress.show('logging in')
    with verification.holding(cloud, stage.run_id) as abandoned:
        verifies = verification.Verification(
            the_admin, member.log_in(the_admin, stage), stage, progress.show)
        verifies.find_servers()
        yield from verifies.compare()
        if not keep:
            yield from verifies.refusals() or verifies.end(abandoned, cloud)
