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

"""The user that the daemons run as."""

import itertools
import os
import pathlib
import pwd
import stat

# As systemd does for DynamicUser=: a number nobody else has, of its range,
# with no entry in passwd. So nothing on the machine is changed, and nobody
# else's processes and files are within reach, as `nobody`'s would be.
_DYNAMIC_UIDS = range(61184, 65520)


def unprivileged(state: pathlib.Path, port_base: int) -> int | None:
    """Choose the user that daemons of root drop to.

    :param state: the state directory
    :param port_base: first TCP port; clouds that run side by side differ in it
    :returns: A user id, or None where the daemons keep the user that starts
        them. That user is not root, or the state directory lies below a
        directory that only root may enter, such as /root.
    """
    if os.geteuid() != 0 or not _open_to_all(state):
        return None
    first = port_base % len(_DYNAMIC_UIDS)
    for uid in itertools.islice(
            itertools.cycle(_DYNAMIC_UIDS), first,
            first + len(_DYNAMIC_UIDS)):
        try:
            pwd.getpwuid(uid)
        except KeyError:
            return uid
    return None


def _open_to_all(state):
    """Tell whether anybody can reach (not read) a file in ``state``."""
    existing = [path for path in state.resolve().parents if path.exists()]
    return all(path.stat().st_mode & stat.S_IXOTH for path in existing)
