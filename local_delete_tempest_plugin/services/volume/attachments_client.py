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

"""The attachments client: tempest.lib's, with what it lacks."""

import json

from tempest.lib.common import rest_client
from tempest.lib.services.volume.v3 import attachments_client


class AttachmentsClient(attachments_client.AttachmentsClient):
    """Volume attachments, which need microversion 3.27."""

    def list_attachments(self, offset: int = 0) -> rest_client.ResponseBody:
        """List one page of the project's attachments, in detail.

        No answer tells whether there is another page.

        :param offset: This many attachments are left out.
        :returns: ``{'attachments': [{'id', 'instance', 'volume_id',
            'status', ...}]}``. The ``instance`` is None if the volume is only
            reserved.
        """
        resp, body = self.get('attachments/detail?offset=%d' % offset)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
