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

"""What the cloud shows that a dead run may have left, and nothing proves.

Without its journal nobody can tell whether the run did it, or somebody who
meant it. So it is not undone, but named for the operator to look at.
"""

from tempest import config

from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.safety import guard

CONF = config.CONF


def find(admin):
    """Find it, as far as the options say that runs may do such a thing.

    :param admin: An ``admin.Admin``.
    :returns: A list of (kind as of an intent, words that say what is wrong and
        what to do).
    """
    return ([('scheduler', words) for words in _schedulers(admin)]
            + [('compute', words) for words in _computes(admin)])


def _schedulers(admin):
    option = 'scheduler_start_command'
    if not CONF.local_delete[option]:
        return
    for service in admin.services.list(scheduler_outage.BINARY):
        if service.state == 'down':
            yield '%s on host %s is down; unless that is meant to be: %s' % (
                scheduler_outage.BINARY, service.host,
                outage_base.words_of(option, 'start it'))


def _computes(admin):
    if not CONF.local_delete.allow_service_delete:
        return
    there = {service.host for service in admin.services.list()}
    for host in CONF.local_delete.target_hosts:
        if host != guard.ANY_HOST and host not in there:
            yield ('host %s of [local_delete] target_hosts has no compute '
                   'service; unless that is meant to be: restart nova-compute '
                   'there, so that it registers again' % host)
