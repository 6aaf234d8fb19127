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
from tempest import clients
from tempest.common import credentials_factory
from tempest import config
from tempest.lib import exceptions as lib_exc
import urllib3

from local_delete_tempest_plugin import admin

CONF = config.CONF


class Command(lister.Lister):
    """A table, or one line that says why there is none."""

    def run(self, parsed_args):
        # Tempest's logging sends what cliff would say to tempest.log alone.
        try:
            return super().run(parsed_args)
        except (lib_exc.TempestException,
                urllib3.exceptions.HTTPError) as error:
            if self.app.options.debug:
                raise
            print('tempest %s: %s' % (self.cmd_name, ' '.join(
                str(error).split())), file=self.app.stderr)
            return 1


def find_admin():
    """Authenticate as tempest.conf's admin.

    :returns: An ``admin.Admin``.
    """
    if CONF.auth.use_dynamic_credentials:
        credentials = credentials_factory.get_configured_admin_credentials()
    else:
        provider = credentials_factory.get_credentials_provider(
            'local-delete-command')
        credentials = provider.get_admin_creds().credentials
        # An account stays taken until its taker gives it back, and a command
        # needs no account to itself.
        provider.clear_creds()
    return admin.Admin.of(clients.Manager(credentials))
