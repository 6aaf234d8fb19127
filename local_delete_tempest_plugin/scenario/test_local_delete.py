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

"""A server is deleted while its compute service is down (bug 1679750).

test_without_placement tells the same bug without Placement.
"""

from tempest.common import utils
from tempest import config
from tempest.lib import decorators

from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.scenario.steps import base

CONF = config.CONF


class LocalDeleteTest(base.BaseLocalDeleteTest):

    @decorators.idempotent_id('44625348-bcd5-4fbc-a376-c0418a89f062')
    @decorators.attr(type='slow')
    @utils.services('compute')
    def test_allocations_removed_by_api(self):
        """The API removes the allocations when the compute is down.

        The compute is forced down, which leaves its process running. Before
        bug 1679750 was fixed, only a start of the compute removed them.
        """
        for _ in self.attempts_while_late():
            with self.footprint_unchanged():
                server = self.create_server()
                with self.forced_down():
                    self.delete_server_locally(server)
                    self.assert_nothing_left(
                        CONF.local_delete.local_cleanup_timeout)

    @decorators.idempotent_id('735e2608-9acb-48c6-a2e1-e631b2b49b12')
    @decorators.attr(type='slow')
    @utils.services('compute')
    def test_leaked_allocations_healed(self):
        """A live compute's audit removes allocations that were leaked.

        An admin puts the deleted server's allocations back as they were. That
        is the leak of bug 1679750. The periodic audit removes them
        (ResourceTracker._remove_deleted_instances_allocations).
        """
        with self.footprint_unchanged():
            server = self.create_server()
            held = self.admin.placement.list_allocations(server.id)
            with self.forced_down():
                self.delete_server_locally(server)
            self.assert_nothing_left(CONF.local_delete.local_cleanup_timeout)
            self.admin.placement.put_allocations(
                server.id, **dict(held, consumer_generation=None))
            # Nothing is read here, because the audit may come at any moment.
            self.assert_nothing_left(CONF.local_delete.heal_timeout)

    @decorators.idempotent_id('75d4fe86-b0fc-4e54-870d-ab0153b98712')
    @decorators.attr(type='slow')
    @utils.services('compute')
    def test_allocations_removed_when_service_disabled(self):
        """A disabled compute is not dead: it carries out the delete."""
        with self.footprint_unchanged():
            server = self.create_server()
            with self.compute_outage(compute_outage.Disabled,
                                     fence=True) as disabled:
                self.delete_server_through_compute(server)
                self.assert_nothing_left(CONF.local_delete.cleanup_timeout)
            self.assert_trait_gone(disabled)

    def assert_trait_gone(self, disabled: compute_outage.Disabled) -> None:
        """Fail unless a host that is enabled again has no disabled trait.

        An audit that was under way may have brought the trait back.
        """
        waiters.expect(disabled.has_disabled_trait, lambda there: not there,
                       'the disabled trait is gone from %s' %
                       self.hosts.target, CONF.local_delete.trait_timeout)
