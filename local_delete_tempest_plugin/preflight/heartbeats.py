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
"""Tell how fast the cloud notices an outage, from the heartbeats it shows."""

from collections.abc import Iterator
from collections.abc import Mapping

from tempest import config

from local_delete_tempest_plugin.outages import base as outage_base
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import pace

CONF = config.CONF

# Nova's default of service_down_time is so many of its report_interval, and
# DevStack's is too.
_RATIO = 6

# So few services tell little about the interval.
_FEW = 3


def check(silences: Mapping[str, float]) -> Iterator[finding.Finding]:
    """Compare the limits of the waits with the silence of services.

    :param silences: {name of a host: seconds since the last heartbeat}, of
        services that are up.
    :returns: An iterator of ``Finding``.
    """
    wanted = CONF.local_delete
    if not silences:
        return
    host, silent = max(silences.items(), key=lambda item: item[1])
    words = 'nova-compute on %s is up, and was last heard of %d s ago' % (
        host, silent)
    if wanted.compute_stop_command:
        limit, likely = wanted.service_down_timeout, _RATIO * silent
        found = '%s. So service_down_time of nova.conf is above that' % words
        if silent < limit < likely:
            found += ', and %d s with the usual %d report_interval' % (
                likely, _RATIO)
        yield finding.judge(
            'heartbeats: service_down_timeout', limit >= likely,
            '%s; service_down_timeout is %d s' % (found, limit),
            'set service_down_timeout above service_down_time of nova.conf, '
            'or lower the latter. Otherwise scenarios fail that stop a '
            'compute',
            bad=finding.WARN if silent < limit else finding.FAIL)
    limit, count = wanted.service_up_timeout, outage_base.HEARTBEATS
    yield finding.judge(
        'heartbeats: service_up_timeout', limit > count * silent,
        '%s; service_up_timeout is %d s' % (words, limit),
        'set service_up_timeout above %d times report_interval of nova.conf, '
        'and add the seconds in which nova-compute starts' % count)


def guess(silences: Mapping[str, float]) -> pace.Pace:
    """Guess how fast the cloud notices an outage.

    :param silences: As for ``check``.
    :returns: A ``pace.Pace``; Nova's defaults where too little was seen.
    """
    count = len(silences)
    # The longest of several silences is a part of the interval.
    interval = max(1, max(silences.values(), default=0) * (
        count + 1) / max(count, 1))
    if count < _FEW:
        interval = max(interval, pace.OF_NOVA.report_interval)
    return pace.Pace(interval, _RATIO * interval)
