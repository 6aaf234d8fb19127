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

"""What scenarios attach to their results for programs.

Each attachment is a detail of a test, so the stream of any runner has it.
``report`` reads the attachments again.
"""

from collections.abc import Callable

from testtools import content

#: The name of a defect of Nova that the scenario has met, as in
#: doc/source/findings.rst. The text is the name alone.
KNOWN_DEFECT = 'known-defect'

Attach = Callable[[str, content.Content], None]


def attach_known_defect(attach: Attach, name: str) -> None:
    """Tell which known defect of Nova a scenario shows.

    :param attach: The ``addDetail`` of the test.
    :param name: Name of the defect.
    """
    attach(KNOWN_DEFECT, content.text_content(name))
