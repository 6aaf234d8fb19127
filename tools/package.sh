#!/usr/bin/env bash
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

# Build the package, and check it. The wheel may hold only the plugin.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '/^# Build/,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit
fi
rm -rf dist
python -m build --installer uv
twine check --strict dist/*
if python -m zipfile --list dist/*.whl |
        grep -E '^(allinone|proof|tools)/'; then
    echo 'The wheel holds files that are not part of the plugin.'
    exit 1
fi
