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

"""A bad answer raises an exception of Tempest or of this plugin, no other.

Each example is one piece of work on a cloud in memory. One answer of the cloud
is spoilt. Every run has the same examples. Set LOCAL_DELETE_FUZZ to a number
for that many other examples of each piece of work; tools/test.sh does so. Keep
each finding as an explicit example.
"""

import concurrent.futures
import dataclasses
import json
import os
import pathlib
import re

import fixtures
import hypothesis
from hypothesis import strategies
from tempest import config
from tempest.lib import exceptions as lib_exc
from tempest.lib.services import clients
from tempest.test_discover import plugins

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import identity
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.cmd import base as command_base
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin.footprint import leaks
from local_delete_tempest_plugin.footprint import reader
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.preflight import checks
from local_delete_tempest_plugin.preflight import roles
from local_delete_tempest_plugin.recovery import abandoned_runs
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import leases
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.recovery import undo
from local_delete_tempest_plugin.safety import change
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario import test_local_delete
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import fake_edge

_WANTED = int(os.environ.get('LOCAL_DELETE_FUZZ', 0))

fuzz = hypothesis.settings(
    max_examples=_WANTED or 40, derandomize=not _WANTED, database=None,
    deadline=None, suppress_health_check=list(hypothesis.HealthCheck))

# What is reported for a mistake of ours that something else has caught.
_MISTAKE = re.compile(
    r'^(\w+\.)*(Key|Index|Lookup|Type|Attribute|Value|Recursion|Assertion|'
    r'JSONDecode|Unicode\w+|UnboundLocal|Name)Error\b.*', re.MULTILINE)

SCALARS = (strategies.none() | strategies.booleans() | strategies.integers()
           | strategies.floats() | strategies.text()
           | strategies.sampled_from(['', '\ud800', '../..', 'up', 'x' * 5000,
                                      10 ** 400, -1, 'http://[']))
JSON = strategies.recursive(
    SCALARS, lambda inner: strategies.lists(inner, max_size=3)
    | strategies.dictionaries(strategies.text(max_size=5), inner, max_size=3),
    max_leaves=6)


class InTurn(concurrent.futures.Executor):
    """In the place of a pool of threads."""

    def __init__(self, max_workers):
        super().__init__()

    def submit(self, function, *arguments):
        future = concurrent.futures.Future()
        try:
            future.set_result(function(*arguments))
        except Exception as error:
            future.set_exception(error)
        return future


def paths(value, path=()):
    """List the ways to everything that is in a JSON value."""
    inner = (value.items() if isinstance(value, dict)
             else enumerate(value) if isinstance(value, list) else ())
    found = [path] if path else []
    for key, item in inner:
        found += paths(item, (*path, key))
    return found


@dataclasses.dataclass(frozen=True)
class Field:
    """Puts another value into one field of an answer, or takes it out.

    :param place: The keys that lead to the field, or a number: that one of
        all fields, however many there are.
    :param value: The value; ``...`` takes the field out.
    """

    place: tuple | int
    value: object

    def __call__(self, head, data):
        answer = json.loads(data) if data else {}
        found = paths(answer)
        if not found:
            answer['more'] = None if self.value is ... else self.value
        else:
            *way, last = (found[self.place % len(found)] if isinstance(
                self.place, int) else self.place)
            inner = answer
            for key in way:
                inner = inner[key]
            if self.value is ...:
                del inner[last]
            else:
                inner[last] = self.value
        return head, json.dumps(answer).encode()


@dataclasses.dataclass(frozen=True)
class Body:
    """Puts another body into an answer."""

    body: bytes

    def __call__(self, head, data):
        return head, self.body


@dataclasses.dataclass(frozen=True)
class Status:
    """Gives an answer another status.

    :param body: Another body, or None.
    """

    status: int
    body: bytes | None

    def __call__(self, head, data):
        head.status = self.status
        return head, data if self.body is None else self.body


@dataclasses.dataclass(frozen=True)
class Head:
    """Gives an answer another content type, or None: no headers."""

    content_type: str | None

    def __call__(self, head, data):
        if self.content_type is None:
            head.clear()
        else:
            head['content-type'] = self.content_type
        return head, data


LONG = b'"' + b'x' * transport.MAX_ANSWER + b'"'
BODIES = strategies.builds(lambda value: json.dumps(value).encode(), JSON)
FIELDS = strategies.builds(Field, strategies.integers(0, 999),
                           strategies.just(...) | JSON)
OTHERS = (
    strategies.builds(Body, BODIES)
    | strategies.builds(Body, strategies.binary())
    | strategies.builds(Body, strategies.sampled_from((
        LONG, b'', b'[' * 10 ** 5, b'{"a":' * 10 ** 5,
        b'[' * 900 + b']' * 900)))
    | strategies.builds(Status, strategies.integers(100, 599), strategies.
                        sampled_from((None, b'', b'{}', b'<html>')) | BODIES)
    | strategies.builds(Head, strategies.sampled_from((
        None, '', 'text/html', 'application/xml', 'application/JSON; a=b'))))
# A wrong field is what most of the code could stumble over.
SPOILERS = strategies.booleans().flatmap(
    lambda is_field: FIELDS if is_field else OTHERS)


class FuzzTest(base.TestCase):

    def setUp(self):
        super().setUp()
        self.use_microversions()
        self.folder = self.useFixture(fixtures.TempDir()).path
        self.config(journal_dir=self.folder, allow_outages=True,
                    target_hosts=['cmp1'], service_up_timeout=1,
                    service_down_timeout=1, trait_timeout=1,
                    delete_timeout=1, cleanup_timeout=1)
        self.config('oslo_concurrency', lock_path=self.folder)
        self.config('identity', uri_v3='https://keystone.test/v3')
        self.config('service_available', neutron=True, cinder=True)
        self.config('auth', admin_username='admin',
                    admin_password=fake_edge.PASSWORD,
                    admin_project_name='admin', admin_domain_name='Default')
        self.config('compute', image_ref=fake_edge.IMAGE,
                    flavor_ref=fake_edge.FLAVOR)
        self._register_clients()
        self.useFixture(transport.BoundedFixture())
        self.useFixture(fixtures.MockPatchObject(
            command_base, '_check_conf'))
        # Waits look as often as ever, and take no time.
        self.useFixture(fixtures.MockPatch('tenacity.nap.time.sleep'))
        self.clock = 0
        self.useFixture(fixtures.MockPatchObject(waiters, 'time', self))
        self.run_of_ours = run.Run('0123456789AB')

    def _register_clients(self):
        # Tempest does so with the first option that is read.
        self.useFixture(fixtures.MockPatchObject(
            clients.ClientsRegistry(), '_service_clients', {}))
        config._register_tempest_service_clients()
        plugins.TempestTestPluginManager()._register_service_clients()

    def monotonic(self):
        self.clock += 0.3
        return self.clock

    def build(self):
        """Build a cloud, with no answer spoilt so far."""
        edge = fake_edge.FakeEdge()
        self.cloud = edge.cloud
        self.cloud.hold(1, 11, VCPU=1)
        self.cloud.servers[fake_cloud.uuid(1)] = 'ACTIVE'
        self.cloud.hosts[fake_cloud.uuid(1)] = 'cmp1'
        self.run_of_ours.servers.add(fake_cloud.uuid(1))
        self.cloud.flavors.append(self.run_of_ours.name)
        self.cloud.traits[fake_cloud.uuid(11)].add(self.run_of_ours.trait)
        self.cloud.migrations.append({
            'id': 1, 'uuid': fake_cloud.uuid(9), 'status': 'completed',
            'instance_uuid': fake_cloud.uuid(1), 'source_compute': 'cmp1',
            'dest_compute': 'cmp2', 'source_node': 'a', 'dest_node': 'b',
            'dest_host': None, 'old_instance_type_id': 1,
            'new_instance_type_id': 1, 'created_at': '2026-01-01T00:00:00',
            'updated_at': None, 'migration_type': 'resize', 'links': []})
        self.cloud.ports.append({
            'id': fake_cloud.uuid(2), 'name': self.run_of_ours.name,
            'device_id': fake_cloud.uuid(1), 'device_owner': 'compute:nova',
            'binding:host_id': 'cmp1', 'binding:profile': {}})
        self.cloud.floating_ips.append({
            'id': fake_cloud.uuid(3), 'description': self.run_of_ours.name,
            'port_id': fake_cloud.uuid(2), 'fixed_ip_address': '10.0.0.1'})
        self.cloud.volumes.append(fake_cloud.cinder_volume(
            4, 'in-use', 1, name=self.run_of_ours.name))
        self.cloud.attachments.append({
            'id': fake_cloud.uuid(5), 'instance': fake_cloud.uuid(1),
            'volume_id': fake_cloud.uuid(4)})
        self.cloud.server_groups.append({
            'id': fake_cloud.uuid(6), 'members': [fake_cloud.uuid(1)]})
        return edge

    def fuzz(self, work, which, spoil):
        """Do some work on a cloud, one answer of which is spoilt."""
        edge = self.build()
        with edge:
            admin = command_base.find_admin()
            good, count = transport._exchange, 0

            def exchange(*arguments):
                nonlocal count
                count += 1
                answer = good(*arguments)
                return spoil(*answer) if count == which else answer

            logger = fixtures.FakeLogger()
            with logger, fixtures.MockPatchObject(transport, '_exchange',
                                                  exchange):
                try:
                    work(admin)
                except lib_exc.TempestException as error:
                    self.assertNotEqual('', str(error))
                mistake = _MISTAKE.search(logger.output)
                self.assertIsNone(mistake, logger.output)


def fuzzed(most, *found):
    """Make a test of some work.

    :param most: How many requests the work sends.
    :param found: What was found before, and is tried each time: tuples of
        the number of an answer and what spoils it.
    """
    def decorate(work):
        @base.slow
        @fuzz
        @hypothesis.given(which=strategies.integers(1, most), spoil=SPOILERS)
        def test(self, which, spoil):
            self.fuzz(lambda admin: work(self, admin), which, spoil)
        for which, spoil in found:
            test = hypothesis.example(which=which, spoil=spoil)(test)
        test.__name__ = work.__name__
        return test
    return decorate


def no_endpoints(which):
    """List tokens whose catalog has a service that cannot be reached.

    Keystone keeps a service that has no endpoint, and takes any URL.

    :param which: As for ``FuzzTest.fuzz``.
    """
    for number in range(len(fake_edge.FakeEdge().catalog)):
        yield which, Field(('token', 'catalog', number, 'endpoints'), [])
    for url in ('http://[', 'http://host:port/', 'nonsense'):
        yield which, Field(('token', 'catalog', 0, 'endpoints', 0, 'url'),
                           url)


class EverythingTest(FuzzTest):

    @fuzzed(3, *no_endpoints(2))
    def test_authentication(self, admin):
        command_base.find_admin().services.list()

    @fuzzed(7)
    def test_guard(self, admin):
        target = admin.services.target_host('cmp1')
        guard.Guard(self.run_of_ours, admin).check(target)

    @fuzzed(10)
    def test_lease(self, admin):
        ours = lease.Lease(admin, self.run_of_ours.trait)
        ours.give_back(fake_cloud.uuid(11))
        ours.take(fake_cloud.uuid(11))
        ours.delete_trait()

    @fuzzed(31, *no_endpoints(1))
    def test_footprint(self, admin):
        target = admin.services.target_host('cmp1')
        # What is drawn next has to be the same each time.
        self.patch(reader.concurrent.futures, 'ThreadPoolExecutor', InTurn)
        looks = reader.Reader(admin, admin.manager, [target], 'ours',
                              self.run_of_ours)
        looks.tracked |= {('floating IP', fake_cloud.uuid(3)),
                          ('server group', fake_cloud.uuid(6)),
                          ('image', fake_edge.IMAGE)}
        before = looks.read(own=())
        after = looks.read(own=self.run_of_ours.servers, known=before)
        leaks.find_leaks(before, after, after, 'ours')

    @fuzzed(24)
    def test_outage(self, admin):
        target = admin.services.target_host('cmp1')
        away = compute_outage.ForcedDown(
            admin, journal.Journal(run.Run().id),
            guard.Guard(self.run_of_ours, admin), target,
            self.run_of_ours.fence_reason)
        try:
            away.begin()
        finally:
            away.restore()

    @fuzzed(20, *no_endpoints(1))
    def test_what_is_found_of_an_abandoned_run(self, admin):
        self.cloud.service_of('cmp1').update(
            status='disabled', forced_down=True,
            disabled_reason=self.run_of_ours.fence_reason)
        undo.Recovery(admin).search(self.run_of_ours.id, dry_run=True)

    @fuzzed(12)
    def test_recovery(self, admin):
        service = admin.services.show('cmp1')
        target = admin.services.target_host('cmp1')
        recovery = undo.Recovery(admin)
        for made in (
                leases.LeaseChange(target.provider_id, self.run_of_ours.trait),
                run_resources.Flavor('another'),
                compute_outage.ComputeChange(
                    'forced-down', target, 'r', service)):
            recovery.undo(change.Intent(1, made))

    @fuzzed(20, *no_endpoints(1))
    def test_preflight(self, admin):
        list(checks.Checks([test_local_delete.LocalDeleteTest]).run())

    @fuzzed(2, *no_endpoints(1))
    def test_probe(self, admin):
        placement_outage.PlacementStopped(
            admin, None, placement_outage.PlacementStopped.REFUSED).probe()


class AccountsTest(FuzzTest):
    """An accounts file that was spoilt is refused in words, too."""

    @base.slow
    @fuzz
    @hypothesis.given(spoil=FIELDS | strategies.builds(
        Body, BODIES | strategies.binary()))
    @hypothesis.example(spoil=Body(b'[' * 600))
    @hypothesis.example(spoil=Field((0, 'roles'), None))
    @hypothesis.example(spoil=Field((0, 'roles'), 5))
    @hypothesis.example(spoil=Field((0, 'roles', 0), []))
    @hypothesis.example(spoil=Field((1, 'types'), None))
    @hypothesis.example(spoil=Field((1, 'types'), 5))
    def test_accounts(self, spoil):
        path = pathlib.Path(self.folder, 'accounts.yaml')
        # YAML reads JSON, too.
        path.write_bytes(spoil(None, json.dumps([
            {'username': 'member', 'password': 'p', 'project_name': 'ours',
             'domain_name': 'Default', 'roles': ['member'], 'types': []},
            {'username': 'admin', 'password': fake_edge.PASSWORD,
             'project_name': 'admin', 'user_domain_name': 'Default',
             'types': ['admin'], 'resources': {'network': 'n'}},
        ]).encode())[1])
        self.config('auth', use_dynamic_credentials=False,
                    test_accounts_file=str(path))
        with self.build():
            for work in (accounts.log_in_admin,
                         lambda: list(roles.check_provisioned())):
                try:
                    work()
                except lib_exc.TempestException as error:
                    self.assertNotIn(fake_edge.PASSWORD, str(error))


JOURNALS = {
    1: (b'{"intent": 1, "kind": "belonging", "what": '
        b'{"belonging": "port", "name": "X"}}',
        b'{"intent": 2, "kind": "placement", "what": {"answer": "X"}}',
        b'{"struck": 1}'),
    2: (b'{"intent": 1, "kind": "trait", "what": {"trait": "X"}}',
        b'{"intent": 2, "kind": "quota", "what": '
        b'{"project_id": "X", "instances": 1}}',
        b'{"complete": 1}')}
JOURNALS[4] = JOURNALS[3] = JOURNALS[2]
HEADS = {1: b'"http://c"', 2: b'"http://c"',
         3: b'{"uri": "http://c", "region": "R", "ids": ["0"]}'}
HEADS[4] = HEADS[3]


class JournalTest(base.TestCase):
    """A journal that was spoilt is refused in words, too."""

    @base.slow
    @fuzz
    @hypothesis.given(
        version=strategies.sampled_from(sorted(JOURNALS)),
        number=strategies.integers(0, 3),
        spoil=FIELDS | strategies.builds(
            Body, strategies.binary() | strategies.just(b'[' * 10 ** 5)))
    @hypothesis.example(version=2, number=0, spoil=Field(
        ('cloud',), '\ud800'))
    @hypothesis.example(version=3, number=0, spoil=Field(
        ('cloud', 'ids'), ['\ud800']))
    @hypothesis.example(version=2, number=1, spoil=Field(
        ('what', 'trait'), '\ud800'))
    def test_journals(self, version, number, spoil):
        folder = self.useFixture(fixtures.TempDir()).path
        self.config(journal_dir=folder)
        self.config('identity', uri_v3='http://c')
        lines = [b'{"version": %d, "run": "0123456789AB", "cloud": %s}' % (
            version, HEADS[version]), *JOURNALS[version]]
        _, lines[number] = spoil(None, lines[number])
        path = os.path.join(folder, 'x.journal')
        pathlib.Path(path).touch(mode=0o600)
        pathlib.Path(path).write_bytes(b'\n'.join(lines) + b'\n')
        try:
            found = abandoned_runs.find(identity.Cloud.of_conf())
            self.addCleanup(found.close)
            for error in found.unusable:
                raise error
            for abandoned in found.abandoned:
                for intent in abandoned.intents:
                    str(intent.change).encode()
            for passed_over in found.passed_over:
                passed_over.why.encode()
        except lib_exc.TempestException as error:
            self.assertIn(path, str(error))
