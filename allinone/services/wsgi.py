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

"""How an API is served: one uWSGI with one worker of several threads."""

from allinone import files
from allinone import programs


def configure(cloud, name, module):
    """Write the uWSGI configuration of the API `name`."""
    files.write(cloud.etc / 'uwsgi' / f'{name}.ini',
                files.render('uwsgi.ini', cloud, name=name, module=module))


def api(cloud, name, environment):
    """Return the process of the API `name`."""
    return programs.Program(
        name, (str(cloud.environment / 'bin' / 'pyuwsgi'),
               '--ini', str(cloud.etc / 'uwsgi' / f'{name}.ini')),
        environment, listener=name)
