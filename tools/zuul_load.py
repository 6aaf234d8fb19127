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

"""Load zuul.d with Zuul's own loader, which refuses what it does not know.

This needs the package "zuul", so it runs in an environment of its own: tox -e
zuul.
"""

import pathlib
import sys
import types

from zuul import configloader
from zuul.lib import ansible
from zuul import model

from tools import phases
from tools import zuul_files


def load(path: pathlib.Path) -> tuple[model.ParsedConfig, list[str]]:
    """Load a file as Zuul loads it.

    :param path: a file of zuul.d
    :returns: What it defines, and the words of each error.
    """
    # A pipeline would need connections, and the project defines none.
    context = configloader.ParseContext(
        types.SimpleNamespace(connections={}), model.SystemAttributes(), None,
        ansible.AnsibleManager())
    source = model.SourceContext(
        f'opendev.org/{zuul_files.PROJECT}', zuul_files.PROJECT,
        'opendev.org', 'master', f'zuul.d/{path.name}')
    # Its own parts need a scheduler. The method needs only the context.
    parser = object.__new__(configloader.TenantParser)
    parsed = parser.loadProjectYAML(path.read_text(), source, context)
    errors = list(context.error_list)
    for name, value in vars(parsed).items():
        if name.endswith('_errors'):
            errors += value
    return parsed, [error.error for error in errors]


def main() -> int:
    """Load each file, print what it defines, and return the exit code."""
    failed = False
    for path in sorted((phases.ROOT / 'zuul.d').glob('*.yaml')):
        parsed, errors = load(path)
        failed |= bool(errors)
        print(f'{path.name}:', '\n'.join(errors) or ', '.join(
            item.name for item in (*parsed.jobs, *parsed.project_templates,
                                   *parsed.projects)))
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
