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

"""Run tests with every message of the plugin in other words.

Code that goes by the words of a message then does something else. Only names
stay as they are: of options, of states, and of placeholders.
"""

import ast
import importlib.machinery
import re
import sys

from testtools import run

WORD = 'mumble'

# Rooms whose sentences are all for humans. The others have formats too, such
# as the paths of requests.
_ROOMS = re.compile(
    r'local_delete_tempest_plugin\.(?:exceptions|cloud\.compute_services'
    r'|safety\.(?:guard|lease)|(?:footprint|outages|scenario)\..*)$')

_KEPT_OR_WORD = re.compile(
    r'(?P<kept>%(?:\(\w+\))?[\d.]*[a-z%]|\[[\w-]+\](?: \w+)?|\w*_\w*'
    r'|[A-Z]{3,})|[A-Za-z]{2,}')


class _Messages(ast.NodeTransformer):

    def visit_Constant(self, node):
        if isinstance(node.value, str) and ' ' in node.value:
            node.value = _KEPT_OR_WORD.sub(
                lambda found: found['kept'] or WORD, node.value)
        return node


class _Loader(importlib.machinery.SourceFileLoader):

    def get_code(self, fullname):
        # Past the cache of compiled modules, both to read and to write.
        tree = ast.parse(self.get_data(self.path))
        return compile(_Messages().visit(tree), self.path, 'exec',
                       dont_inherit=True)


class _Finder:

    @staticmethod
    def find_spec(fullname, path=None, target=None):
        if not _ROOMS.match(fullname):
            return None
        spec = importlib.machinery.PathFinder.find_spec(fullname, path)
        if spec.submodule_search_locations is None:
            spec.loader = _Loader(fullname, spec.origin)
        return spec


if __name__ == '__main__':
    sys.meta_path.insert(0, _Finder)
    run.main(sys.argv, sys.stdout)
