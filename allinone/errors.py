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

"""What goes wrong, in one line that a user can act on."""


class AllInOneError(Exception):
    """Base of every error whose message is meant for the user."""


class BadInput(AllInOneError):
    """The command line, or the machine, does not fit; nothing was started."""


class StepFailed(AllInOneError):
    """A step of `up` did not end as it should."""
