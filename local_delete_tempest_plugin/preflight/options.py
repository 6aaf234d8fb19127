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

"""Check the options, without a request to the cloud."""

from collections.abc import Iterator
import contextlib
import os
import pathlib
import shutil

from oslo_concurrency import lockutils
from tempest import config

from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin.common import commands
from local_delete_tempest_plugin import config as options
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.recovery import journal_file

CONF = config.CONF

_PAIRS = (
    ('compute_stop_command', 'compute_start_command'),
    ('compute_freeze_command', 'compute_thaw_command'),
    ('placement_stop_command', 'placement_start_command'),
    ('placement_proxy_stop_command', 'placement_proxy_start_command'),
    ('scheduler_stop_command', 'scheduler_start_command'),
    ('conductor_stop_command', 'conductor_start_command'))

#: Limits in seconds, each with the option of nova.conf that it depends on,
#: and with how long the wait takes with Nova's default.
_NOVA_DEFAULTS = {
    'service_down_timeout': ('service_down_time', 60),
    'service_up_timeout': ('report_interval, twice', 20),
    'heal_timeout': ('update_resources_interval', 60)}


def check() -> Iterator[finding.Finding]:
    """Check the options.

    :returns: An iterator of ``Finding``.
    """
    wanted = CONF.local_delete
    yield finding.judge(
        'allow_outages', wanted.allow_outages,
        'is %s' % wanted.allow_outages,
        'set it to True; until then every scenario skips')
    yield finding.judge(
        'target_hosts', wanted.target_hosts,
        ', '.join(wanted.target_hosts) or 'is empty',
        'name the hosts that may be taken down')
    for option in ('image_ref', 'flavor_ref'):
        yield finding.judge('[compute] ' + option, CONF.compute[option],
                            CONF.compute[option] or 'is not set', 'set it')
    yield from _check_limits()
    yield _check_test_timeout()
    yield from _check_certificates()
    yield from _check_folders()
    for pair in _PAIRS:
        yield from _check_commands(*pair)
    yield _check_guest_list()


def _check_limits():
    wanted = CONF.local_delete
    for smaller, larger, why in (
            ('poll_interval_start', 'poll_interval_max',
             'make the first not larger than the second'),
            ('local_cleanup_timeout', 'heal_timeout',
             'make the first not larger than the second: otherwise a live '
             'compute heals a leak before a scenario sees it')):
        yield finding.judge(
            smaller, wanted[smaller] <= wanted[larger],
            '%g s, and %s is %g s' % (
                wanted[smaller], larger, wanted[larger]), why)
    for option, (of_nova, seconds) in _NOVA_DEFAULTS.items():
        yield finding.judge(
            option, wanted[option] > seconds, '%d s' % wanted[option],
            "raise it above %d s, or make sure that nova.conf has a smaller "
            "value than Nova's default (%s)" % (seconds, of_nova),
            bad=finding.WARN)


def _check_test_timeout():
    limits = [CONF.local_delete[option.name]
              for option in options.LocalDeleteGroup
              if option.name.endswith('_timeout')
              # Nobody waits for the hosts of a class that does not run.
              and not (option.name == 'lease_timeout'
                       and CONF.local_delete.serial)]
    longest = sum(limits) + CONF.compute.build_timeout
    words = os.environ.get('OS_TEST_TIMEOUT', '0')
    if not words.isdigit():
        return finding.Finding(
            'OS_TEST_TIMEOUT', finding.WARN,
            '%r is not a number, so no test has a limit' % words,
            'set it to whole seconds')
    timeout = int(words)
    return finding.judge(
        'OS_TEST_TIMEOUT', not 0 < timeout < longest,
        '%d s, but the waits of a scenario may take %d s' % (
            timeout, longest) if timeout else 'is not set',
        'raise it, or lower the limits of the waits', bad=finding.WARN)


def _check_certificates():
    wanted = CONF.identity
    yield finding.judge(
        'certificates', not wanted.disable_ssl_certificate_validation,
        endpoints.UNVERIFIED if wanted.disable_ssl_certificate_validation
        else 'are verified', 'set it to False, because otherwise anybody can '
        'pose as the cloud; name the certificate of a private CA in '
        'ca_certificates_file', bad=how_bad())
    if wanted.ca_certificates_file:
        yield finding.judge(
            '[identity] ca_certificates_file',
            os.access(wanted.ca_certificates_file, os.R_OK),
            wanted.ca_certificates_file, 'name a file that can be read')


def _check_folders():
    """Look at the directories that a run makes, and make none."""
    folders = {'[oslo_concurrency] lock_path': pathlib.Path(
        str(lockutils.get_lock_path(CONF)))}
    # The check of the journals tells why there is none.
    with contextlib.suppress(exceptions.JournalUnusable):
        folders['journal_dir'] = journal_file.directory()
    for option, folder in folders.items():
        yield finding.judge(
            option, _can_be_written(folder), str(folder),
            'set it to a directory that you may write; otherwise every '
            'scenario fails')


def _can_be_written(folder):
    there = next(path for path in (folder, *folder.parents) if path.exists())
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def how_bad() -> str:
    """Tell the outcome of a check of TLS that does not pass."""
    return finding.FAIL if CONF.local_delete.require_tls else finding.WARN


def _check_commands(stop, start):
    wanted = CONF.local_delete
    if not wanted[stop] and not wanted[start]:
        yield finding.Finding(stop, finding.PASS,
                              'is not set: scenarios that need it skip')
        return
    host = 'host' if stop.startswith('compute_') else None
    for option in (stop, start):
        yield _check_command(option, host, 'set both commands, or neither')


def _check_guest_list():
    option = 'guest_list_command'
    if not CONF.local_delete[option]:
        return finding.Finding(option, finding.PASS,
                               'is not set: scenarios that need it skip')
    return _check_command(option, 'host', 'correct the command, or remove it')


def _check_command(option, host, remedy):
    try:
        words = commands.arguments(option, host)
    except exceptions.CommandFailed as error:
        return finding.Finding(option, finding.FAIL, str(error), remedy)
    return finding.judge(option, shutil.which(words[0]), words[0],
                         'name a program that can be run')
