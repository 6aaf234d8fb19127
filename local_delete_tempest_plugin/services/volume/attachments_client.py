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

    def list_attachments(self, offset=0):
        """List the project's attachments in detail, or a page of them.

        :param offset: How many to leave out. No answer tells whether there
            are more.
        :returns: ``{'attachments': [{'id', 'instance', 'volume_id',
            'status', ...}]}``; ``instance`` is None where a volume is only
            kept for somebody.
        """
        resp, body = self.get('attachments/detail?offset=%d' % offset)
        self.expected_success(200, resp.status)
        return rest_client.ResponseBody(resp, json.loads(body))
