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

"""Tempest's workspace: its configuration for this cloud, and its runs."""

import collections.abc
import importlib.util
import os
import pathlib
import re
import shlex
import subprocess
import sys

from allinone import commands
from allinone import deployment
from allinone import files
from allinone import resources
from allinone.services import nova
from allinone.services import qemu
from allinone import supervision


# A request in the log of nova-api, perhaps behind a front end.
_CONFIGURATIONS = ('tempest.conf', 'tempest-accounts.conf')

_SERVICE_DELETE = re.compile(rb'"DELETE (/\w+)?/v2\.1/os-services/')


def configure(cloud: deployment.Deployment,
              made: resources.Resources) -> None:
    """Write the workspace as "tempest init" lays it out, with all options.

    :param made: what tempest.conf names
    """
    etc = files.directory(cloud.tempest / 'etc')
    for directory in ('logs', 'tempest_lock'):
        files.directory(cloud.tempest / directory)
    for name in _CONFIGURATIONS:
        files.write(etc / name, files.render(
            'tempest/tempest.conf', cloud, resources=made,
            computes=cloud.hosts,
            dynamic=name == 'tempest.conf',
            guest_list=qemu.guest_list(cloud),
            supervisorctl=shlex.join((
                str(supervision.tool('supervisorctl')), '-c',
                str(supervision.configuration(cloud.state))))))
    files.write(etc / 'accounts.yaml',
                files.render('tempest/accounts.yaml', cloud))
    files.write(cloud.tempest / '.stestr.conf', files.render(
        'tempest/stestr.conf', cloud, packages=_packages()))


def derive(cloud: deployment.Deployment, name: str,
           options: collections.abc.Mapping[str, object]) -> None:
    """Write another configuration beside the workspace's own.

    :param name: name of the file, for TEMPEST_CONFIG
    :param options: options of [local_delete] that differ from tempest.conf
    """
    etc = cloud.tempest / 'etc'
    # The last of several values counts.
    files.write(etc / name, '\n'.join((
        (etc / 'tempest.conf').read_text(), '[local_delete]',
        *(f'{option} = {value}' for option, value in options.items()), '')))


def set_microversions(cloud: deployment.Deployment,
                      versions: collections.abc.Mapping[str, str]) -> None:
    """Change the highest microversions, and leave the rest of the workspace.

    :param versions: {section of tempest.conf: highest microversion}
    """
    _set(cloud, {(section, 'max_microversion'): version
                 for section, version in versions.items()})


def set_target_hosts(cloud: deployment.Deployment,
                     hosts: collections.abc.Iterable[str]) -> None:
    """Change the target hosts, and leave the rest of the workspace.

    :param hosts: names of the hosts that scenarios may take down
    """
    _set(cloud, {('local_delete', 'target_hosts'): ','.join(hosts)})


def _set(cloud, values):
    """Change options of tempest.conf: {(section, option): value}."""
    for name in _CONFIGURATIONS:
        path = cloud.tempest / 'etc' / name
        section, lines = '', []
        for line in path.read_text().splitlines():
            if line.startswith('['):
                section = line.strip('[]')
            option, equals, _ = line.partition(' = ')
            if equals and (section, option) in values:
                line = f'{option} = {values[section, option]}'
            lines.append(line)
        files.write(path, '\n'.join((*lines, '')))


def _packages():
    return pathlib.Path(
        importlib.util.find_spec('tempest').origin).parent.parent


def run(cloud: deployment.Deployment,
        arguments: collections.abc.Iterable[str]) -> int:
    """Run "tempest run" in the workspace.

    If the run passes and has deleted a compute service, Nova's deleted rows
    are archived. With some of these rows Nova moves no server off the host any
    more (deleted-service-refuses-moves in doc/source/findings.rst).

    :param arguments: of "tempest run"
    :returns: The exit code.
    """
    log = cloud.logs / 'nova-api.log'
    begin = log.stat().st_size if log.exists() else 0
    tempest = supervision.tool('tempest')
    path = os.pathsep.join((str(tempest.parent), os.environ.get('PATH', '')))
    code = subprocess.run([tempest, 'run', *arguments], cwd=cloud.tempest,
                          env={**os.environ, 'PATH': path}).returncode
    if code == 0 and _deleted_service(log, begin):
        _archive(cloud)
    return code


def show_help() -> int:
    """Show the arguments of "tempest run".

    :returns: The exit code.
    """
    return subprocess.run([supervision.tool('tempest'), 'run',
                           '--help']).returncode


def _deleted_service(log, begin):
    if not log.exists():
        return False
    with log.open('rb') as lines:
        lines.seek(begin)
        return any(_SERVICE_DELETE.search(line) for line in lines)


def _archive(cloud):
    try:
        nova.archive(cloud)
    except subprocess.CalledProcessError as error:
        # The run passed all the same.
        print('Could not archive the deleted rows of Nova; a later run may '
              f'skip moves: {commands.describe(error)}', file=sys.stderr)
    else:
        print('Archived the deleted rows of Nova, a compute service among '
              'them')
