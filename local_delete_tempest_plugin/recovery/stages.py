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

"""The mark of a stage: its run has ended, and is not abandoned yet.

The mark is the last change that a stage makes, and the first that is undone.
So a stage that was killed while it was made or undone is an abandoned run.
"""

from collections.abc import Iterable
import dataclasses
import datetime
import time

from oslo_log import log as logging
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.safety import change as safety_change
from local_delete_tempest_plugin.safety import run

LOG = logging.getLogger(__name__)

# The last second that a datetime has.
_LAST = 253402300799


@dataclasses.dataclass(frozen=True)
class StageChange(safety_change.Change):
    """The mark that a run is a stage.

    In the cloud the names of the run's flavors are the mark. Each stage has
    them, and only an admin can make them.
    """

    kind = 'stage'

    run_id: str
    #: Until when the stage is meant to stay, in seconds of the epoch.
    until: int = dataclasses.field(metadata={
        'type': 'integer', 'minimum': 0, 'maximum': _LAST})

    @classmethod
    def of(cls, this_run: run.Run,
           until: datetime.datetime) -> 'StageChange':
        """Make the mark of a run.

        :param this_run: The run.
        :param until: Until when its stage is meant to stay.
        """
        return cls(this_run.id, int(until.timestamp()))

    @classmethod
    def find(cls, admin: cloud_admin.Admin, this_run: run.Run
             ) -> list['StageChange']:
        try:
            until = this_run.meant_until(
                flavor['name'] for flavor in admin.flavors())
        except lib_exc.TempestException as error:
            # The flavors are looked for too, and that tells the failure.
            LOG.info('Nothing tells whether it is a stage: %s', error)
            return []
        return [cls.of(this_run, until)] if until else []

    def is_of(self, this_run: run.Run) -> bool:
        return self.run_id == this_run.id

    def undo(self, admin: cloud_admin.Admin) -> None:
        """Do nothing: the flavors are changes of their own."""

    def __str__(self) -> str:
        if not self.until:
            # Verify has begun to end the stage.
            return 'meant to stay no longer'
        return 'meant to stay until %s' % run.moment(
            datetime.datetime.fromtimestamp(
                self.until, tz=datetime.timezone.utc))


def mark_of(intents: Iterable[safety_change.Intent]) -> StageChange | None:
    """Find the mark of a stage that is meant to stay at this moment.

    :param intents: The open intents of a journal.
    :returns: The mark, or None where the run is no stage, or its time is over.
    """
    return next((intent.change for intent in intents
                 if isinstance(intent.change, StageChange)
                 and intent.change.until > time.time()), None)
