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

"""devstack/upgrade: what Grenade's phases do with a stage."""

import json

from devstack.tests import base

_UPGRADE = base.DEVSTACK / 'upgrade'

_HERE, _RESIZED, _ELSEWHERE = 'id-here', 'id-resized', 'id-elsewhere'

_STAGE = {'run': '0123456789AB', 'servers': [
    {'id': _HERE, 'host': 'devstack', 'kind': 'plain'},
    {'id': _RESIZED, 'host': 'devstack', 'kind': 'resize'},
    {'id': _ELSEWHERE, 'host': 'compute1', 'kind': 'plain'}]}

# Stands in for Tempest, whose environment is the base's own.
_TEMPEST = """#!/usr/bin/env bash
echo "$PWD: tempest $*" >>"$SCRATCH/calls"
exit "${TEMPEST_CODE:-0}"
"""


class ResourcesTest(base.TestCase):

    def setUp(self):
        super().setUp()
        for name in ('devstack', 'grenade', 'save'):
            (self.scratch / name).mkdir()
        (self.scratch / 'grenade/grenaderc').write_text(
            'BASE_RELEASE_DIR=$SCRATCH/old\nSAVE_DIR=$SCRATCH/save\n')
        (self.scratch / 'grenade/functions').write_text(
            'source %s\n' % (base.DEVSTACK / 'tests/stand_ins.sh'))
        self.stackrc('libvirt')
        self.tempest = self.scratch / 'old/tempest/.tox/tempest/bin/tempest'
        self.tempest.parent.mkdir(parents=True)
        self.tempest.write_text(_TEMPEST)
        self.tempest.chmod(0o755)
        self.stage = self.scratch / 'save/local-delete-stage.json'
        self.stage.write_text(json.dumps(_STAGE))
        self.guests(_HERE, 'id-of-another')

    def stackrc(self, driver):
        (self.scratch / 'devstack/stackrc').write_text(
            'VIRT_DRIVER=%s\n' % driver)

    def guests(self, *ids):
        (self.scratch / 'guests').write_text('\n'.join(ids) + '\n')

    def resources(self, *words, **variables):
        """Call a phase as Grenade does; return its exit code and output."""
        ended = self.run_process(
            _UPGRADE / 'resources.sh', *words, **dict(
                variables, GRENADE_DIR=str(self.scratch / 'grenade'),
                TOP_DIR=str(self.scratch / 'devstack')))
        return ended.returncode, ended.stdout

    def tempest_call(self, words):
        return '%s/save: tempest local-delete %s --config-file ' \
            '%s/old/tempest/etc/tempest.conf' % (
                self.scratch, words, self.scratch)

    def test_create(self):
        self.assertEqual(0, self.resources('create')[0])
        self.assertEqual([self.tempest_call('stage %s' % self.stage)],
                         self.calls())

    def test_verify(self):
        for side in 'pre-upgrade', 'post-upgrade':
            self.assertEqual(0, self.resources('verify', side)[0])
            self.assertEqual(
                [self.tempest_call('verify --keep %s' % self.stage)],
                self.calls())

    def test_verify_looks_at_guests(self):
        self.guests('id-of-another')
        code, output = self.resources('verify', 'post-upgrade')
        self.assertEqual(1, code)
        self.assertIn('the guest of server id-here does not run any more',
                      output)

    def test_verify_without_apis(self):
        self.assertEqual(0, self.resources('verify_noapi', 'pre-upgrade')[0])
        self.guests('id-of-another')
        self.assertEqual(1, self.resources('verify_noapi', 'pre-upgrade')[0])
        self.assertEqual([], self.calls())

    def test_guests_of_other_drivers(self):
        self.stackrc('fake')
        self.guests()
        code, output = self.resources('verify_noapi', 'pre-upgrade')
        self.assertEqual(0, code)
        self.assertIn("Guests of the driver 'fake' cannot be seen", output)

    def test_destroy(self):
        self.assertEqual(0, self.resources('destroy')[0])
        self.assertEqual([self.tempest_call('verify %s' % self.stage)],
                         self.calls())
        self.assertFalse(self.stage.exists())

    def test_failed_destroy_keeps_the_file(self):
        self.assertEqual(3, self.resources('destroy', TEMPEST_CODE='3')[0])
        self.assertTrue(self.stage.exists())

    def test_force_destroy(self):
        self.assertEqual(0, self.resources('force_destroy')[0])
        self.assertEqual(
            [self.tempest_call('recover --yes --run 0123456789AB')],
            self.calls())
        self.assertFalse(self.stage.exists())

    def test_failure_is_passed_on(self):
        for phase in 'create', 'verify', 'force_destroy':
            self.assertEqual(1, self.resources(phase, TEMPEST_CODE='1')[0])

    def test_no_tempest(self):
        self.tempest.unlink()
        code, output = self.resources('create')
        self.assertEqual(1, code)
        self.assertIn('%s is not there: enable the service tempest' %
                      self.tempest, output)

    def test_other_phases(self):
        self.assertEqual(0, self.resources('early_create')[0])
        self.assertEqual([], self.calls())
        code, output = self.resources('creat')
        self.assertEqual(1, code)
        self.assertIn("no phase 'creat'", output)

    def test_nothing_to_upgrade(self):
        ended = self.run_process(_UPGRADE / 'upgrade.sh')
        self.assertEqual(0, ended.returncode)


class SettingsTest(base.TestCase):

    def test_registered_for_both_sides(self):
        ended = self.run_process('bash', '-c', """
set -o errexit
declare -A GITREPO=([local-delete-tempest-plugin]=https://example.org/plugin)
declare -A GITBRANCH=([local-delete-tempest-plugin]=main)
function register_project_for_upgrade { echo "register $*"; }
function devstack_localrc { echo "localrc $*"; }
source %s/settings
""" % _UPGRADE)
        words = ('enable_plugin local-delete-tempest-plugin '
                 'https://example.org/plugin main')
        self.assertEqual(
            ['register local-delete-tempest-plugin', 'localrc base ' + words,
             'localrc target ' + words], ended.stdout.splitlines())
