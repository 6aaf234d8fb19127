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

"""One process of the cloud, as the supervisor is told."""

import collections.abc
import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Program:
    """One process of the cloud, not yet running."""

    name: str
    #: The arguments, the program first.
    command: tuple[str, ...]
    environment: collections.abc.Mapping[str, str] = dataclasses.field(
        default_factory=dict)
    #: Name of its listener in deployment.LISTENERS, if it has one.
    listener: str | None = None
    #: Unix socket or file that it makes when it is ready, if it has one.
    socket: pathlib.Path | None = None
    #: Whether it runs as the deployment's unprivileged user, if it has one.
    drops_root: bool = False
    stop_signal: str = 'TERM'
    #: Socket of the fork server that starts it, if it has one. Its command is
    #: then a Python script of the services' environment.
    forked_by: pathlib.Path | None = None
