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

"""What ``configure`` writes of a cloud, and what it refuses to write."""

import configparser
import re
import shlex
import stat
from urllib import parse

import fixtures
import testtools

from local_delete_tempest_plugin.cmd import configure
from local_delete_tempest_plugin.cmd import preflight
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import fake_edge
from local_delete_tempest_plugin.tests.unit import sandbox
from local_delete_tempest_plugin.tests.unit import test_documents

_CALL = re.compile(r'^ {4}tempest local-delete configure (.+)$', re.MULTILINE)

CLOUDS = """
clouds:
  mine:
    auth:
      auth_url: https://keystone.test/v3
      username: admin
      password: %s
      project_name: admin
      user_domain_name: Default
      project_domain_name: Default
""" % fake_edge.PASSWORD

FLAVOR = {'ram': 64, 'vcpus': 1, 'swap': '', 'rxtx_factor': 1.0,
          'os-flavor-access:is_public': True, 'links': [],
          'OS-FLV-EXT-DATA:ephemeral': 0, 'OS-FLV-DISABLED:disabled': False}
NETWORK = {'id': 'e1', 'name': 'public', 'status': 'ACTIVE',
           'subnets': ['s'], 'router:external': True}


def image(number, size, **fields):
    return dict({'id': fake_cloud.uuid(number), 'name': 'image %d' % number,
                 'status': 'active', 'visibility': 'public', 'size': size,
                 'container_format': 'bare', 'disk_format': 'qcow2'},
                **fields)


def flavor(name, disk, **fields):
    return dict(FLAVOR, id=name, name=name, disk=disk, **fields)


class ConfigureCase(testtools.TestCase):
    """A workspace as "tempest init" makes it, and a cloud that answers."""

    def setUp(self):
        super().setUp()
        self.box = self.useFixture(sandbox.Sandbox())
        self.box.environment = {'HOME': str(self.box.folder)}
        self.clouds = self.box.folder / '.config/openstack/clouds.yaml'
        self.clouds.parent.mkdir(parents=True)
        self.clouds.write_text(CLOUDS)
        workspace = self.box.folder / 'work'
        (workspace / 'etc').mkdir(parents=True)
        self.box.conf = workspace / 'etc' / 'tempest.conf'
        self.box.options = {group: self.box.options[group] for group in (
            'DEFAULT', 'oslo_concurrency')}
        self.edge = self.box.edge
        self.edge.cloud.add_compute('cmp3', 13)
        for inventories in self.edge.cloud.inventories.values():
            for name in ('MEMORY_MB', 'DISK_GB'):
                inventories[name] = dict(inventories['VCPU'], total=1024)
        self.images = [image(1, 5 << 20), image(2, 2 << 20)]
        self.flavors = [flavor('nodisk', 0), flavor('large', 9),
                        flavor('small', 1)]
        self.specs = {}
        self.networks = [NETWORK]
        self.edge.before_answer = self.answer

    def answer(self, method, url):
        """Answer what the edge does not know."""
        parts = parse.urlsplit(url)
        path = parts.path.strip('/').split('/')
        known = {
            'v2/images': {'images': self.images},
            'flavors/detail': {'flavors': self.flavors},
            'v2.0/networks': {'networks': self.networks},
            'v2.0/networks/e1': {'network': NETWORK},
            'v2.0/extensions': {'extensions': [{'alias': 'router'},
                                               {'alias': 'qos'}]}}
        if parts.hostname == 'volume.test' and path == ['']:
            raise fake_cloud.Answer(300, {'versions': [
                {'id': 'v3.0', 'status': 'CURRENT', 'version': '3.71',
                 'min_version': '3.0', 'updated': '2018-07-17T00:00:00Z',
                 'links': [], 'media-types': []}]})
        found = known.get('/'.join(path))
        if found:
            raise fake_cloud.Answer(200, found)
        if path[0] == 'flavors' and path[-1] == 'os-extra_specs':
            raise fake_cloud.Answer(
                200, {'extra_specs': self.specs.get(path[1], {})})
        for kind, one in [('flavor', one) for one in self.flavors]:
            if path == ['flavors', one['id']]:
                raise fake_cloud.Answer(200, {kind: one})
        for one in self.images:
            if path == ['v2', 'images', one['id']]:
                raise fake_cloud.Answer(200, one)

    def run_command(self, *arguments, command=configure.Configure):
        return self.box.run(lambda: sandbox.run_command(
            command, 'local-delete', '--workspace', str(self.box.folder
                                                        / 'work'),
            *arguments))

    def configure(self, *arguments):
        """Configure, and require that it works and only reads."""
        outcome = self.run_command('--os-cloud', 'mine', *arguments)
        self.assertEqual((0, []), (outcome.code, outcome.changes),
                         outcome.lines)
        said = '\n'.join(outcome.lines)
        self.assertNotIn(fake_edge.PASSWORD, said)
        return said

    def written(self):
        parser = configparser.RawConfigParser(default_section='none')
        parser.read(self.box.conf)
        return {group: dict(parser[group]) for group in parser.sections()}

    def assert_refused(self, words, *arguments, code=1):
        before = self.box.conf.exists() and self.box.conf.read_text()
        outcome = self.run_command('--os-cloud', 'mine', *arguments)
        self.assertEqual((code, []), (outcome.code, outcome.changes),
                         outcome.lines)
        self.assertIn(words, outcome.lines[-1])
        if code == 1:
            self.assertEqual(1, len(outcome.lines), outcome.lines)
        self.assertNotIn(fake_edge.PASSWORD, '\n'.join(outcome.lines))
        if before:
            self.assertEqual(before, self.box.conf.read_text())


class OwnSectionTest(ConfigureCase):

    def test_nothing_is_allowed_that_nobody_allowed(self):
        said = self.configure()
        self.assertEqual({'allow_outages': 'False', 'require_tls': 'True'},
                         self.written()['local_delete'])
        self.assertIn('\n# target_hosts = cmp1,cmp2\n',
                      self.box.conf.read_text())
        self.assertEqual({'DEFAULT', 'oslo_concurrency', 'local_delete'},
                         set(self.written()))
        self.assertIn('--allow-outages cmp1,cmp2', said)
        self.assertIn('Not written without --all-sections: ', said)

    def test_named_hosts_are_allowed(self):
        self.configure('--allow-outages', 'cmp3, cmp2')
        own = self.written()['local_delete']
        self.assertEqual(('True', 'cmp3,cmp2'), (
            own['allow_outages'], own['target_hosts']))

    def test_a_host_with_servers_is_not_proposed(self):
        self.edge.cloud.servers[fake_cloud.uuid(31)] = 'ACTIVE'
        self.edge.cloud.hosts[fake_cloud.uuid(31)] = 'cmp1'
        self.configure()
        self.assertIn('\n# target_hosts = cmp2,cmp3\n',
                      self.box.conf.read_text())
        self.box.conf.unlink()
        self.assert_refused('host cmp1: host cmp1 may not be taken down: '
                            'server ', '--allow-outages', 'cmp2,cmp1')

    def test_hosts_of_one_zone(self):
        for host in 'cmp2', 'cmp3':
            self.edge.cloud.service_of(host)['zone'] = 'west'
        self.configure()
        text = self.box.conf.read_text()
        self.assertIn('\n# target_hosts = cmp2,cmp3\n', text)
        self.assertIn('\n# availability_zone = west\n', text)
        self.configure('--replace', '--allow-outages', 'cmp1')
        self.assertEqual(
            'nova', self.written()['local_delete']['availability_zone'])

    def test_slow_heartbeats_raise_the_limits(self):
        self.edge.cloud.is_running = lambda host: False
        self.edge.cloud.service_down_time = 720
        for service in self.edge.cloud.services:
            service['updated_at'] = -100
        self.configure()
        own = self.written()['local_delete']
        self.assertLess(900, int(own['service_down_timeout']))
        self.assertLessEqual(600, int(own['service_up_timeout']))

    def test_plain_http(self):
        self.edge.catalog['image'] = 'http://image.test'
        self.configure()
        self.assertNotIn('require_tls', self.written()['local_delete'])

    def test_the_only_compute(self):
        self.edge.cloud.services[1:] = []
        self.assert_refused('only 0 other computes are up and enabled')
        self.configure('--min-other-hosts', '0')
        self.assertEqual(
            '0', self.written()['local_delete']['min_other_hosts'])

    def test_commands_are_comments(self):
        self.configure('--deployment', 'kolla-ansible')
        self.assertIn('\n# compute_stop_command = ssh {host} sudo systemctl '
                      'stop kolla-nova_compute-container\n',
                      self.box.conf.read_text())
        self.assertNotIn('compute_stop_command',
                         self.written()['local_delete'])

    def test_dry_run(self):
        said = self.configure('--dry-run', '--all-sections')
        self.assertNotIn('local_delete', self.written())
        self.assertIn('Nothing was written', said)
        self.assertIn('cmp1,cmp2', said)

    def test_commands_that_are_there_stay(self):
        self.box.set('local_delete', compute_stop_command='true {host}')
        self.configure('--deployment', 'devstack')
        self.assertEqual('true {host}', self.written()['local_delete'][
            'compute_stop_command'])
        self.assertNotIn('# compute_stop_command', self.box.conf.read_text())


class AllSectionsTest(ConfigureCase):

    def test_what_tempest_needs(self):
        said = self.configure('--all-sections', '--allow-outages', 'cmp2')
        written = self.written()
        self.assertEqual({
            'uri_v3': 'https://keystone.test/v3', 'region': 'RegionOne'},
            written['identity'])
        self.assertEqual({
            'admin_username': 'admin', 'admin_project_name': 'admin',
            'admin_domain_name': 'Default',
            'admin_password': fake_edge.PASSWORD}, written['auth'])
        self.assertEqual({
            'nova': 'True', 'glance': 'True', 'neutron': 'True',
            'cinder': 'True', 'swift': 'False'}, written['service_available'])
        self.assertEqual({
            'max_microversion': '2.96', 'image_ref': fake_cloud.uuid(2),
            'flavor_ref': 'small', 'flavor_ref_alt': 'large'},
            written['compute'])
        self.assertEqual({'catalog_type': 'block-storage',
                          'max_microversion': '3.71'}, written['volume'])
        self.assertEqual({'max_microversion': '1.39'}, written['placement'])
        self.assertEqual({'public_network_id': 'e1'}, written['network'])
        self.assertEqual({'api_extensions': 'qos,router'},
                         written['network-feature-enabled'])
        self.assertEqual({'resize': 'True'},
                         written['compute-feature-enabled'])
        self.assertEqual(0o600, stat.S_IMODE(self.box.conf.stat().st_mode))
        self.assertIn('only its owner may read', said)

    def test_preflight_passes_on_it(self):
        self.configure('--all-sections', '--allow-outages', 'cmp2,cmp3')
        outcome = self.run_command('-f', 'csv', command=preflight.Preflight)
        self.assertEqual(
            [], [line for line in outcome.lines if ',"fail",' in line])
        self.assertEqual(0, outcome.code, outcome.lines)

    def test_what_is_there_stays(self):
        self.box.set('compute', image_ref=fake_cloud.uuid(1), flavor_ref=(
            'large'))
        said = self.configure('--all-sections')
        compute = self.written()['compute']
        self.assertEqual((fake_cloud.uuid(1), 'large', 'small'), tuple(
            compute[name] for name in ('image_ref', 'flavor_ref',
                                       'flavor_ref_alt')))
        self.assertIn('As before: ', said)
        self.configure('--all-sections', '--replace')
        self.assertEqual(fake_cloud.uuid(2),
                         self.written()['compute']['image_ref'])
        self.assertIn('# image_ref = %s\n' % fake_cloud.uuid(1),
                      self.box.conf.read_text())

    def test_images_that_boot_no_server(self):
        self.images += [
            image(3, 1, disk_format='iso'), image(4, 0),
            image(5, 1, status='queued'), image(6, 1, visibility='private'),
            image(7, 1, **{'trait:CUSTOM_X': 'required'}),
            image(8, 'many'), image(9, 1, min_disk='large')]
        self.configure('--all-sections')
        self.assertEqual(fake_cloud.uuid(2),
                         self.written()['compute']['image_ref'])

    def test_flavors_that_fit(self):
        self.specs['small'] = {'hw:mem_page_size': 'large'}
        self.flavors += [flavor('hidden', 1, **{
            'os-flavor-access:is_public': False}), flavor('middle', 5)]
        self.configure('--all-sections')
        compute = self.written()['compute']
        self.assertEqual(('middle', 'large'), (
            compute['flavor_ref'], compute['flavor_ref_alt']))

    def test_what_nobody_can_choose_is_left_open(self):
        self.images, self.flavors = [], [flavor('nodisk', 0)]
        self.networks = []
        said = ' '.join(self.configure('--all-sections').split())
        for words in ('[compute] image_ref: no image is active',
                      '[compute] flavor_ref: no flavor with a disk fits',
                      '[network] public_network_id: there is not exactly'):
            self.assertIn('To do: ' + words, said)

    def test_a_cloud_without_cinder(self):
        del self.edge.catalog['block-storage']
        self.configure('--all-sections')
        self.assertEqual('False', self.written()['service_available'][
            'cinder'])
        self.assertNotIn('volume', self.written())

    def test_names_of_others_are_no_options(self):
        self.images = [image(2, 1, name='x\nallow_outages = True')]
        self.configure('--all-sections')
        self.assertEqual('False', self.written()['local_delete'][
            'allow_outages'])
        self.assertNotIn('allow_outages', self.written()['compute'])


class DocumentsTest(testtools.TestCase):

    def test_the_documents_call_it_as_it_is(self):
        parser = configure.Configure(None, None).get_parser('configure')
        for path in (test_documents.ROOT / 'README.rst',
                     test_documents.DOCUMENTS / 'your-own-cloud.rst'):
            if not path.exists():
                self.skipTest('no checkout: %s is not there' % path)
            calls = _CALL.findall(path.read_text().replace('\\\n', ' '))
            self.assertEqual(2, len(calls), path)
            for call in calls:
                try:
                    parser.parse_args(shlex.split(call))
                except SystemExit:
                    self.fail('%s calls it with %s' % (path, call))


class BadInputTest(ConfigureCase):

    def test_command_line(self):
        for arguments, words in (
                (('--allow-outages', '*'), "'*' names no hosts"),
                (('--allow-outages', ' ,'), "' ,' names no hosts"),
                (('--min-other-hosts', '-1'), "'-1' is no number of hosts"),
                (('--min-other-hosts', 'x'), "'x' is no number of hosts"),
                (('--deployment', 'none'), "invalid choice: 'none'")):
            self.assert_refused(words, *arguments, code=2)

    def test_which_cloud(self):
        self.assert_refused('clouds.yaml has no cloud nobody',
                            '--os-cloud', 'nobody', code=2)
        self.assert_refused('there is no workspace nowhere in ',
                            '--workspace', 'nowhere', code=2)
        self.clouds.write_text(
            CLOUDS.replace(fake_edge.PASSWORD, 'WRONG'))
        self.assert_refused('Keystone refuses the account of clouds.yaml')

    def test_the_admin_of_tempest_conf(self):
        self.box.set('auth', admin_username='admin', admin_password=(
            fake_edge.PASSWORD), admin_project_name='admin')
        self.box.set('identity', uri_v3='https://keystone.test/v3')
        outcome = self.run_command('--all-sections')
        self.assertEqual((0, []), (outcome.code, outcome.changes),
                         outcome.lines)
        self.assertEqual({'admin_username', 'admin_password',
                          'admin_project_name'}, set(self.written()['auth']))

    def test_without_an_account(self):
        outcome = self.run_command()
        self.assertEqual((1, 1), (outcome.code, len(outcome.lines)))
        self.assertIn('[auth] admin_username is not set', outcome.lines[0])

    def test_no_admin(self):
        self.edge.roles = ['member', 'reader']
        self.assert_refused('the account has the roles member, reader, and '
                            'not admin')

    def test_a_section_that_is_there(self):
        self.box.set('local_delete', target_hosts='cmp9')
        self.assert_refused('tempest.conf has [local_delete] target_hosts '
                            'already')
        self.configure('--replace')
        self.assertIn('\n# target_hosts = cmp9\n', self.box.conf.read_text())
        self.assertNotIn('target_hosts', self.written()['local_delete'])

    def test_what_wins_over_the_file(self):
        variable = 'OS_LOCAL_DELETE__ALLOW_OUTAGES'
        self.box.environment[variable] = 'True'
        self.assert_refused('[local_delete] allow_outages is set in %s, which '
                            'wins over tempest.conf' % variable, '--replace')
        del self.box.environment[variable]
        other = self.box.folder / '.tempest/tempest.conf.d/other.conf'
        other.parent.mkdir(parents=True)
        other.write_text('[local_delete]\nallow_outages = True\n')
        self.assert_refused('[local_delete] allow_outages is set in %s, which '
                            'wins over tempest.conf' % other, '--replace')

    def test_an_image_that_is_gone(self):
        self.box.set('compute', image_ref='gone')
        self.assert_refused('[compute] image_ref of tempest.conf is gone, and '
                            'Glance has no such image', '--all-sections')

    def test_unknown_host(self):
        self.assert_refused(
            'host cmp9: Nova has no compute service on this host. To do: '
            'name some of these hosts: cmp1, cmp2, cmp3',
            '--allow-outages', 'cmp1,cmp9')

    def test_no_host_is_free(self):
        for service in self.edge.cloud.services[:2]:
            service['status'] = 'disabled'
        self.edge.cloud.hold(77, 13, VCPU=1)
        self.assert_refused('none of 3 computes is free to be taken down '
                            '(disabled: 2, ')

    def test_no_compute_at_all(self):
        self.edge.cloud.services.clear()
        self.assert_refused('Nova shows no compute service at all')

    def test_region(self):
        self.clouds.write_text(
            CLOUDS + '    region_name: Elsewhere\n')
        self.assert_refused('the region is Elsewhere, and the catalog has '
                            'Nova in RegionOne')

    def test_an_old_cloud(self):
        def old(method, url):
            if url == 'https://compute.test/':
                raise fake_cloud.Answer(200, {'versions': [
                    {'id': 'v2.1', 'status': 'CURRENT', 'version': '2.42',
                     'min_version': '2.1', 'links': [],
                     'updated': '2013-07-23T11:33:21Z'}]})
            self.answer(method, url)

        self.edge.before_answer = old
        self.assert_refused('Nova offers microversions up to 2.42, and the '
                            'plugin needs 2.53')

    def test_a_file_that_cannot_be_written(self):
        self.box.patches = [fixtures.MockPatch(
            'os.fsync', side_effect=OSError(28, 'No space left on device'))]
        self.assert_refused('No space left on device')
        self.assertEqual([self.box.conf], list(self.box.conf.parent.iterdir()))
