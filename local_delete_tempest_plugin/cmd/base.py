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

"""What the commands have in common."""

from cliff import lister
from oslo_config import cfg
from tempest import config
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import accounts
from local_delete_tempest_plugin.cloud import admin
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import exceptions

CONF = config.CONF

# oslo.config's are of a wrong value in tempest.conf; an OSError is of a file
# that it names.
_EXPECTED = (lib_exc.TempestException, cfg.Error, OSError)

_NEEDED = (('auth', 'admin_username'), ('auth', 'admin_password'),
           ('identity', 'uri_v3'))


class Command(lister.Lister):
    """A table, or one line that says why there is none."""

    def run(self, parsed_args):
        # Tempest's logging sends what cliff would say to tempest.log alone.
        try:
            _read_conf()
            with transport.BoundedFixture():
                return super().run(parsed_args)
        except _EXPECTED as error:
            if self.app.options.debug:
                raise
            print('tempest %s: %s' % (
                self.cmd_name, exceptions.one_line(error)),
                file=self.app.stderr)
            return 1


def find_admin():
    """Authenticate as tempest.conf's admin.

    :returns: An ``admin.Admin``.
    :raises InvalidConfiguration: tempest.conf is not there, or does not tell
        who the admin is.
    :raises Unauthorized: Keystone does not take it for an admin's.
    """
    _check_conf()
    try:
        return admin.Admin.of(accounts.log_in_admin())
    except lib_exc.Unauthorized as error:
        raise lib_exc.Unauthorized(
            'Keystone refuses the admin of tempest.conf ([auth] '
            'admin_username and the options beside it, or '
            'test_accounts_file): %s' % error.resp_body)


def _read_conf():
    try:
        # Tempest reads the file when it is first asked.
        CONF.local_delete
    except UnicodeDecodeError as error:
        raise lib_exc.InvalidConfiguration('tempest.conf is no text: %s'
                                           % error)


def _check_conf():
    if not CONF.config_file:
        raise lib_exc.InvalidConfiguration(
            'there is no tempest.conf: set TEMPEST_CONFIG_DIR to where it is')
    for group, option in _NEEDED:
        needed = CONF.auth.use_dynamic_credentials or group != 'auth'
        if needed and not getattr(CONF, group)[option]:
            raise lib_exc.InvalidConfiguration('[%s] %s is not set' % (
                group, option))
