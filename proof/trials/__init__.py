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

"""Trials of the plugin's promises, on a cloud that is up.

What a unit test cannot show: that kill -9, faults and other users of the
cloud leave it as it was. Each module is one trial, run by its name:
``add_arguments(parser)`` adds its options, and ``run(cloud, arguments)``
prints what was tried and returns the exit code.
"""
