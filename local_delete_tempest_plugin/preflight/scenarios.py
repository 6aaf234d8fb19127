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

"""Foresee what each scenario will do on this cloud."""

from collections.abc import Iterator
import importlib
import pkgutil
import unittest

from tempest import config

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import endpoints
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.preflight import finding
from local_delete_tempest_plugin.preflight import pace
from local_delete_tempest_plugin import scenario
from local_delete_tempest_plugin.scenario import needs
from local_delete_tempest_plugin.scenario.steps import base

CONF = config.CONF

_NO_MEMBER = ('%%s has no account with the role %s and a project_name'
              % accounts.MEMBER_ROLE)

_REFUSED = placement_outage.PlacementStopped.REFUSED
_UNAVAILABLE = placement_outage.PlacementStopped.UNAVAILABLE


def find_classes() -> list[type[base.BaseLocalDeleteTest]]:
    """Find the classes of all scenarios.

    :returns: A list, in the order of the names of their modules.
    """
    modules = [
        importlib.import_module('%s.%s' % (scenario.__name__, module.name))
        for module in pkgutil.iter_modules(scenario.__path__)
        if module.name.startswith('test_')]
    return [found for module in modules for found in vars(module).values()
            if isinstance(found, type)
            and issubclass(found, base.BaseLocalDeleteTest)
            and found.__module__ == module.__name__]


def foresee(scenario_class: type[base.BaseLocalDeleteTest],
            usable_hosts: int | None, front: str | None = None,
            its_pace: pace.Pace = pace.OF_NOVA) -> Iterator[finding.Forecast]:
    """Tell what each scenario of a class will do. A skip is a warning.

    :param scenario_class: A class of scenarios.
    :param usable_hosts: How many hosts may be taken down now; None if that is
        not known.
    :param front: What ``front_end.find`` returned for Placement.
    :param its_pace: How fast the cloud notices an outage.
    :returns: An iterator of ``Forecast``.
    """
    error, skip = _look(scenario_class)
    family = scenario_class.__module__.rpartition('.test_')[2]
    for name in sorted(dir(scenario_class)):
        if not name.startswith('test_'):
            continue
        test = getattr(scenario_class, name)
        needed = needs.placement_away(test)
        reason = error or skip or needs.missing(test) or (
            needed and needed.contradicted_by(front)) or (
                _too_few(test, usable_hosts))
        if reason:
            yield finding.Forecast(
                name, finding.FAIL if error else finding.WARN,
                '%s: %s' % ('fails' if error else 'skips', reason),
                'change that if it should run', family=family,
                plan=finding.Plan.FAIL if error else finding.Plan.SKIP,
                reason=reason)
        elif usable_hosts is None:
            yield finding.Forecast(
                name, finding.WARN, 'cannot be foreseen',
                'see the checks above that failed', family=family,
                plan=finding.Plan.UNKNOWN)
        else:
            unless = _unless(needed, front)
            yield finding.Forecast(
                name, finding.PASS, 'runs' + (
                    ', or skips if ' + unless if unless else ''),
                family=family, unless=unless,
                seconds=its_pace.seconds_of(test),
                host_out=its_pace.host_out_in(test))


def _too_few(test, usable_hosts):
    if usable_hosts == 0:
        return 'no host may be taken down now'
    if usable_hosts == 1 and needs.two_hosts in getattr(test, 'needs', ()):
        return 'only one host may be taken down now, and two are needed'
    return None


def _look(scenario_class):
    """Say why the options make the class fail, and why they make it skip."""
    try:
        endpoints.require_tls_to_keystone()
        if not CONF.auth.use_dynamic_credentials:
            # Tempest reads the file again, and does not catch the errors of
            # the parser.
            listed = accounts.read()
        scenario_class.skip_checks()
        if not CONF.auth.use_dynamic_credentials and not any(
                account.is_project_member for account in listed):
            return _NO_MEMBER % CONF.auth.test_accounts_file, None
    except unittest.SkipTest as skip:
        return None, str(skip)
    except finding.FAILURES as error:
        return exceptions.one_line(error), None
    return None, None


def _unless(needed, front):
    """Say on which answer in Placement's place the scenario would skip.

    Only the outage itself shows who answers.
    """
    if needed is None or front or (
            CONF.local_delete.placement_proxy_stop_command):
        return ''
    other = _REFUSED if needed.answer == _UNAVAILABLE else _UNAVAILABLE
    return 'the outage shows that %s' % other
