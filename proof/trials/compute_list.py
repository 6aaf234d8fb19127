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

"""Print the computes of a cloud, as "openstack compute service list" does.

``proof/trials/zuul.py`` gives this to the playbook, because the cloud has no
command ``openstack``.
"""

import argparse
import json
import pathlib

from allinone import api
from allinone import deployment


def main() -> None:
    """Print the list as JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('state', type=pathlib.Path)
    cloud = deployment.load(parser.parse_args().state)
    print(json.dumps([
        {'Host': one['host'], 'State': one['state'], 'Status': one['status']}
        for one in api.compute_services(api.Admin(cloud))]))


if __name__ == '__main__':
    main()
