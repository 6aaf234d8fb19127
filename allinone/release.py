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

"""The releases of OpenStack that can be booted, and where they differ."""

import dataclasses
import pathlib

from allinone import cache
from allinone import errors

#: Name of the release that a cloud has unless another release is asked for.
DEFAULT = '2026.2'


@dataclasses.dataclass(frozen=True)
class Release:
    """One release of OpenStack."""

    name: str
    #: The lowest and the highest version of Python that it runs on.
    python: tuple[tuple[int, int], tuple[int, int]]
    #: The services of Nova that need eventlet. All others run with threads.
    eventlet: frozenset[str] = frozenset()

    @property
    def slurp(self) -> bool:
        """Whether an upgrade may lead from it to the next such release."""
        return self.name.endswith('.1')

    @property
    def lock(self) -> pathlib.Path:
        """The file that pins every package of the release."""
        return cache.HERE / 'releases' / f'{self.name}.txt'

    @property
    def requirements(self) -> pathlib.Path:
        """The file that the lock is resolved from."""
        return self.lock.with_suffix('.in')

    @property
    def binding_lock(self) -> pathlib.Path:
        """The file that pins nova-compute's binding of libvirt."""
        return self.lock.with_name(f'{self.name}-qemu.txt')


_NOVA = frozenset({'nova-api', 'nova-compute', 'nova-conductor',
                   'nova-scheduler'})

#: {name: release}, the oldest first.
ALL = {one.name: one for one in (
    Release('2025.1', python=((3, 10), (3, 12)), eventlet=_NOVA),
    Release('2025.2', python=((3, 10), (3, 12)), eventlet=_NOVA),
    Release('2026.1', python=((3, 10), (3, 13)),
            eventlet=frozenset({'nova-compute', 'nova-conductor'})),
    Release('2026.2', python=((3, 11), (3, 13))),
)}


def get(name: str, option: str = '--release') -> Release:
    """Return a release.

    :param name: its name, such as 2026.1
    :param option: the option that named it, for the message of the error
    :raises BadInput: no release of that name can be booted
    """
    if name not in ALL:
        raise errors.BadInput(f'There is no release {name}: give {option} '
                              f'{", ".join([*ALL][:-1])} or {[*ALL][-1]}')
    return ALL[name]


def check_upgrade(begin: str, end: str) -> None:
    """Refuse an upgrade that OpenStack does not support.

    An upgrade leads to the next release, or from a release that ends in .1 to
    the next such release (SLURP).

    :param begin: name of the release before
    :param end: name of the release after
    :raises BadInput: no upgrade leads from one to the other
    """
    get(end, '--to')
    later = [*ALL][[*ALL].index(begin) + 1:]
    if begin == end:
        raise errors.BadInput(f'The cloud has OpenStack {end} already')
    if end not in later:
        raise errors.BadInput(f'OpenStack {end} is older than {begin}, which '
                              f'the cloud has')
    ends = {later[0], *[name for name in later if ALL[name].slurp][:1]}
    if end not in ends:
        raise errors.BadInput(
            f'OpenStack supports no upgrade from {begin} to {end}: give --to '
            f'{" or ".join(sorted(ends))}')
