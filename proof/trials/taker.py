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

"""Lease hosts, force them down and give them back, again and again.

``proof/trials/crowd.py`` starts several of these. Each prints a line of JSON
for each time.
"""

import argparse
import contextlib
import json
import random
import time

from tempest import config

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.common import signals
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.scenario.steps import hosts
from local_delete_tempest_plugin.scenario.steps import setup

CONF = config.CONF


def main() -> None:
    """Take hosts as the arguments say."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ('number', 'takers', 'count', 'seed'):
        parser.add_argument(name, type=int)
    parser.add_argument('hold', type=float)
    parser.add_argument('--blind', action='store_true')
    arguments = parser.parse_args()
    if arguments.blind:
        lease.Lease.of_other_runs = (  # type: ignore[method-assign]
            lambda self: {})
    signals.end_as_ctrl_c_does()
    chance = random.Random(f'{arguments.seed} {arguments.number}')
    with transport.BoundedFixture():
        admin = cloud_admin.Admin.of(accounts.log_in_admin())
        # The flavor of the lease is for its project.
        admin.manager.auth_provider.fill_credentials()
        with setup.Testbed(setup.THIS_RUN, setup.JOURNAL, admin,
                           admin.manager) as testbed:
            testbed.begin()
            for take in range(arguments.number, arguments.count,
                              arguments.takers):
                print(json.dumps(_take(
                    admin, testbed, 1 + (take % 3 == 2),
                    chance.uniform(0, arguments.hold))), flush=True)
                # So that they meet at another moment each time.
                time.sleep(chance.uniform(0, 0.3))


def _take(admin, testbed, wanted, hold):
    refused = None
    began = time.monotonic()
    with contextlib.ExitStack() as stack:
        leased = stack.enter_context(hosts.LeasedHosts(
            admin, testbed.guard, testbed.lease, testbed.intents))
        try:
            leased.lease(wanted)
            waited = time.monotonic() - began
            for target in leased.targets:
                stack.enter_context(compute.ForcedDown(
                    admin, setup.JOURNAL, testbed.guard, target)).begin()
            # So that many hosts are out at once.
            time.sleep(hold)
        except exceptions.OutageRefused as refusal:
            refused = str(refusal)
            waited = time.monotonic() - began
    return {'run': testbed.run.id, 'wanted': wanted, 'waited': waited,
            'refused': refused}


if __name__ == '__main__':
    main()
