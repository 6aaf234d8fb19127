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

"""The services, one module each.

Each module has ``configure``, which writes what its processes read, and
``processes``, which returns them for the supervisor. A module that has a
database has ``SYNC`` or functions that migrate it. All functions raise
``subprocess.CalledProcessError`` when a command fails.
"""
