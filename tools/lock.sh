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
#
# Resolve the lock of an OpenStack release again:
#
#     tools/lock.sh 2026.1
#
# The libraries are taken as they were some days after the release, because a
# released cloud has those. The services are newer, because they get fixes. So
# is a library if allinone/releases/*.in asks for a later version.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ ${1:-} == -h || ${1:-} == --help ]]; then
    sed -n '/^# Resolve/,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
    exit
fi
release=${1:?which release, for example 2026.1}
# The lowest Python that the release, and this project, support.
python=3.10
case $release in
    2025.1) libraries=2025-04-16 fixes=2026-10-15 ;;
    2025.2) libraries=2025-10-15 fixes=2026-10-15 ;;
    2026.1) libraries=2026-04-15 fixes=2026-07-15 ;;
    2026.2) libraries=2026-10-15 fixes=2026-10-15 python=3.11 ;;
    *)
        echo "$release is no release of allinone/releases" >&2
        exit 2
        ;;
esac

fixed=()
for package in cinder glance keystone neutron nova openstack-placement \
        oslo-messaging pyuwsgi; do
    fixed+=(--exclude-newer-package "$package=$fixes")
done
lock() {
    .venv/bin/uv pip compile --quiet --universal --no-python-downloads \
        --python-version "$python" --generate-hashes --no-annotate \
        --exclude-newer "$libraries" "${fixed[@]}" \
        --custom-compile-command "tools/lock.sh $release" \
        --output-file "allinone/releases/$1.txt" "allinone/releases/$1.in"
}
lock "$release"
lock "$release-qemu"
