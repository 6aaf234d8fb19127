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

"""Undo what an abandoned run changed, or was about to change.

Every undo looks first. It does nothing if the change was never made, or is
undone already. Every resource that an undo deletes by its name carries the id
of the run, so it belongs to nobody else.
"""

from collections.abc import Iterable

from oslo_log import log as logging

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.common import retries
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import kinds
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run

LOG = logging.getLogger(__name__)


class Recovery:
    """Undoes the intents of journals.

    :param admin: An ``admin.Admin``.
    """

    def __init__(self, admin: cloud_admin.Admin) -> None:
        self._admin = admin
        self._retrier = retries.Retrier(admin.renew_token)

    def find_in_cloud(self, run_id: str) -> journal.AbandonedRun:
        """Find what carries a run's id in the cloud, without its journal.

        :param run_id: Id of a run that is known to be abandoned.
        :returns: A ``journal.AbandonedRun`` that has no file.
        :raises RestoreFailed: the cloud cannot be searched as it is.
        """
        found = [made for kind in kinds.KINDS.values()
                 for made in kind.find(self._admin, run.Run(run_id))]
        return journal.AbandonedRun(run_id, [
            safety_change.Intent(number, made)
            for number, made in enumerate(found, 1)])

    def recover_all(self,
                    abandoned: Iterable[journal.AbandonedRun]) -> None:
        """Undo all that several abandoned runs left.

        :param abandoned: They are closed.
        :raises RestoreFailed: see ``recover``. All were tried, because a host
            that is permanently gone must not keep those of other runs down.
        """
        failures = []
        for left in abandoned:
            try:
                self.recover(left)
            except exceptions.RestoreFailed as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise exceptions.RestoreFailed(
                what='what %d runs changed' % len(failures),
                problem='; '.join(map(str, failures)),
                remedy='tempest local-delete recover')

    def recover(self, abandoned: journal.AbandonedRun) -> None:
        """Undo all that an abandoned run left, the last change first.

        :param abandoned: It is closed.
        :raises RestoreFailed: a change could not be undone. All others were
            tried too.
        """
        problems = []
        for intent in reversed(abandoned.intents):
            LOG.warning('Undoing a change of abandoned run %s: %s',
                        abandoned.run_id, intent)
            try:
                self.undo(intent)
            except Exception as error:
                # After any error, the earlier changes are undone too.
                LOG.exception('Undoing %s', intent)
                problems.append(str(error))
        abandoned.close(recovered=not problems)
        if problems:
            raise exceptions.RestoreFailed(
                what='what run %s changed' % abandoned.run_id,
                problem='; '.join(problems),
                remedy='tempest local-delete recover')

    def undo(self, intent: safety_change.Intent) -> None:
        """Undo one change, and repeat that as long as an API fails.

        :param intent: A ``change.Intent``.
        :raises JournalUnusable: this plugin cannot undo it.
        :raises Exception: it could not be undone.
        """
        self._retrier.call(lambda: intent.change.undo(self._admin))
