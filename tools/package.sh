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
# Build the package of the release that is being prepared, and check it.
#
# The version is that of setup.cfg. The files are written into dist. The wheel
# may hold only the plugin, and has to hold all of it. It is installed into an
# environment that has nothing else, and each command has to answer there.
#
# With --pythons the wheel is installed on Python 3.10, 3.11, 3.12 and 3.13.
# uv finds these, or downloads them.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

name=local_delete_tempest_plugin

stop() {
    echo "tools/package.sh: $1" >&2
    exit 1
}

# refuse LINES WORDS: stop if there are lines, and show them.
refuse() {
    if [[ -n $1 ]]; then
        echo "$1" >&2
        stop "$2"
    fi
}

# check_wheel: compare the names in the wheel with those of the checkout.
check_wheel() {
    local allowed="^($name|$name-$version\.dist-info)/"
    local data=$name-$version.data/data
    local sample=$data/etc/tempest/local-delete.conf.sample
    local there wanted
    there=$(python -m zipfile --list "$wheel" | sed '1d; s/ .*//' | sort)
    refuse "$(grep -vE "$allowed" <<<"$there" | grep -vxF "$sample")" \
        'the wheel holds these files, which are not part of the plugin'
    refuse "$(grep /tests/ <<<"$there")" 'the wheel holds these unit tests'
    wanted=$({ git ls-files "$name" ":!$name/tests"; echo "$sample"; } | sort)
    refuse "$(comm -13 <(echo "$there") <(echo "$wanted"))" \
        'the wheel lacks these files'
}

# try_on PYTHON: install the wheel where nothing else is, and ask it.
try_on() {
    local place=$places/$1 program
    uv venv --quiet --python "$1" "$place"
    uv pip install --quiet --python "$place" "$wheel" \
        --constraint allinone/releases/2026.1.txt
    # Tempest writes into its home. Nothing of this environment may help.
    in_place() {
        (cd "$place" && env --ignore-environment "HOME=$place" \
            "PATH=$place/bin:/usr/bin:/bin" "$@" 2>"$place/stderr") ||
            stop "Python $1: $* failed: $(cat "$place/stderr")"
    }
    [[ $(in_place python -c "from importlib.metadata import version
print(version('$name'))") == "$version" ]] ||
        stop "Python $1 does not have the version $version"
    in_place tempest list-plugins | grep -F '| local_delete ' >/dev/null ||
        stop "Python $1: \"tempest list-plugins\" does not list the plugin"
    for program in "${commands[@]}"; do
        in_place tempest local-delete "$program" --help >/dev/null
    done
    in_place tempest local-delete findings simultaneous-deletes >/dev/null
    [[ -s $place/etc/tempest/local-delete.conf.sample ]] ||
        stop "Python $1 has no etc/tempest/local-delete.conf.sample"
    echo "Python $1: $version is installed, and its commands answer"
}

case ${1:-} in
    -h | --help)
        sed -n '/^# Build/,/^$/s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
        exit
        ;;
    --pythons) pythons=(3.10 3.11 3.12 3.13) ;;
    '') pythons=("$(python -c 'import sys; print("%d.%d" % sys.version_info[:2]
)')") ;;
    *) stop "unknown argument $1: see --help" ;;
esac

version=$(sed -n 's/^version = //p' setup.cfg)
mapfile -t commands < <(sed -n 's/^ *local-delete_\(.*\) =.*/\1/p' setup.cfg)
if [[ -z $(git tag --list "$version") ]]; then
    # A clone may lack the tag, and the tag of a release comes last.
    export PBR_VERSION=$version
elif [[ -z $(git tag --points-at HEAD --list "$version") ]]; then
    stop "$version is released: write the next version into setup.cfg"
fi
rm -rf dist
python -m build --installer uv
wheel=dist/$name-$version-py3-none-any.whl
[[ -e $wheel ]] || stop "there is no $wheel, only $(ls -m dist)"
twine check --strict dist/*
check_wheel
places=$(mktemp --directory)
trap 'rm -rf "$places"' EXIT
for python in "${pythons[@]}"; do
    try_on "$python"
done
