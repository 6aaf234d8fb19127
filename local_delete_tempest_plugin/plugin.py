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

"""The entry point that Tempest loads: tests, options and clients."""

import os
from typing import Any

from oslo_config import cfg
from tempest import config
from tempest.test_discover import plugins

from local_delete_tempest_plugin import config as local_delete_config


class LocalDeleteTempestPlugin(plugins.TempestPlugin):
    """What Tempest asks of a plugin."""

    def load_tests(self) -> tuple[str, str]:
        """Name the scenarios, and no unit tests: these need no cloud.

        :returns: (the directory to search for tests, the directory that
            imports begin in).
        """
        package = os.path.dirname(os.path.abspath(__file__))
        return os.path.join(package, 'scenario'), os.path.dirname(package)

    def register_opts(self, conf: cfg.ConfigOpts) -> None:
        """Register ``[local_delete]``.

        :param conf: Tempest's ``oslo_config.cfg.ConfigOpts``.
        """
        conf.register_group(local_delete_config.local_delete_group)
        conf.register_opts(local_delete_config.LocalDeleteGroup,
                           group=local_delete_config.local_delete_group)

    def get_opt_lists(self) -> list[tuple[str, list[cfg.Opt]]]:
        """List the options for ``tempest.conf`` generators.

        :returns: A list of (group name, options).
        """
        return [(local_delete_config.local_delete_group.name,
                 local_delete_config.LocalDeleteGroup)]

    def get_service_clients(self) -> list[dict[str, Any]]:
        """Describe the clients for Tempest's registry.

        :returns: A list of keyword arguments of
            ``ServiceClients.register_service_client_module``.
        """
        return [dict(
            config.service_client_config('compute'),
            name='local_delete_compute',
            service_version='local_delete.compute',
            module_path='local_delete_tempest_plugin.services.compute',
            client_names=['MigrationsClient', 'ServersClient',
                          'ServicesClient'],
        ), dict(
            config.service_client_config('network'),
            name='local_delete_network',
            service_version='local_delete.network',
            module_path='local_delete_tempest_plugin.services.network',
            client_names=['PortBindingsClient'],
        ), dict(
            config.service_client_config('placement'),
            name='local_delete_placement',
            service_version='local_delete.placement',
            module_path='local_delete_tempest_plugin.services.placement',
            client_names=['CandidatesClient', 'PlacementClient'],
        ), dict(
            config.service_client_config('volume'),
            name='local_delete_volume',
            service_version='local_delete.volume',
            module_path='local_delete_tempest_plugin.services.volume',
            client_names=['AttachmentsClient'],
        )]
