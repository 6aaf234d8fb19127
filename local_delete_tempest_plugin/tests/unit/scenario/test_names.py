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

"""What a story calls on self is there, and is found in two files at most."""

import ast
import functools
import inspect
import textwrap

from tempest import test

from local_delete_tempest_plugin.preflight import scenarios
from local_delete_tempest_plugin.scenario.steps import base as steps_base
from local_delete_tempest_plugin.scenario.steps import footprint
from local_delete_tempest_plugin.scenario.steps import hosts
from local_delete_tempest_plugin.scenario.steps import servers
from local_delete_tempest_plugin.scenario.steps import setup
from local_delete_tempest_plugin.tests.unit import base

# The attributes of a story whose own attributes stories call.
OBJECTS = {'hosts': hosts.LeasedHosts, 'watch': footprint.FootprintWatch,
           'servers': servers.MemberServers, 'testbed': setup.Testbed}


@functools.cache
def nodes(cls):
    """Parse the body of a class."""
    return list(ast.walk(ast.parse(textwrap.dedent(inspect.getsource(cls)))))


def ours(cls):
    """Name a class and the classes of this plugin that it is made of."""
    return [found for found in cls.__mro__
            if found.__module__.startswith('local_delete_tempest_plugin')]


def is_self(node):
    return isinstance(node, ast.Name) and node.id in ('self', 'cls')


def assigned(cls):
    """Name what the methods of a class put on self or on the class."""
    return {node.attr for node in nodes(cls)
            if isinstance(node, ast.Attribute) and is_self(node.value)
            and isinstance(node.ctx, ast.Store)}


def names(cls):
    """Name what is on self."""
    return set(dir(cls)).union(*map(assigned, ours(cls)))


def used(cls):
    """Name what the body of a class calls on self, and on its objects."""
    found = set()
    for node in nodes(cls):
        if not isinstance(node, ast.Attribute):
            continue
        if is_self(node.value):
            found.add((None, node.attr))
        elif (isinstance(node.value, ast.Attribute)
                and is_self(node.value.value) and node.value.attr in OBJECTS):
            found.add((node.value.attr, node.attr))
    return found


class NamesTest(base.TestCase):

    def test_what_is_called_is_there(self):
        on = {name: names(cls) for name, cls in OBJECTS.items()}
        for cls in scenarios.find_classes():
            # Tempest puts these on the class, one for each of its credentials.
            on[None] = names(cls) | {'os_' + name for name in cls.credentials}
            on[None] |= {'__name__', '_testMethodName'}
            for part in ours(cls):
                for name, attribute in used(part):
                    if attribute not in on[name]:
                        self.fail('%s calls self.%s, and %s has it not' % (
                            part.__name__, '.'.join(filter(
                                None, (name, attribute))), cls.__name__))

    def test_it_is_in_one_of_two_files(self):
        """Beside the story's own: the base class, and one that it names."""
        for cls in scenarios.find_classes():
            files = {part.__module__ for part in (
                cls, steps_base.BaseLocalDeleteTest, *cls.__bases__)}
            for name, attribute in used(cls):
                if name is None and not hasattr(test.BaseTestCase, attribute):
                    where = {
                        part.__module__ for part in ours(cls)
                        if attribute in {*vars(part), *assigned(part)}}
                    self.assertTrue(where & files, 'self.%s of %s is in %s' % (
                        attribute, cls.__name__, ', '.join(sorted(where))))
