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

"""A driver of volumes that cinder-volume imports: files in a directory.

No driver of Cinder keeps data without device-mapper, an NFS server to mount,
or an appliance. This is Cinder's NFS driver. It takes the mount point of its
share, which is a plain directory here, as mounted. So it needs neither root
nor mount.nfs.
"""

import os

from cinder import interface
from cinder import privsep
from cinder import utils
from cinder.volume.drivers import nfs


def _no_root_helper():
    return 'env'


@interface.volumedriver
class DirectoryDriver(nfs.NfsDriver):
    """Cinder's NFS driver, without the mount."""

    def do_setup(self, context: object) -> None:
        """Do what the NFS driver does, without looking for mount.nfs."""
        # All files are our own, so no command has to become root.
        privsep.sys_admin_pctxt.set_client_mode(False)
        utils.get_root_helper = _no_root_helper
        super(nfs.NfsDriver, self).do_setup(context)
        self.shares: dict[str, str] = {}
        self.set_nas_security_options(self._is_voldb_empty_at_startup)

    def _ensure_share_mounted(self, nfs_share):
        os.makedirs(self._get_mount_point_for_share(nfs_share), mode=0o700,
                    exist_ok=True)
