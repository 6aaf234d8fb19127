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

"""Loads a mutant into the service that runs this while it starts.

It runs in a process of a service, before any of the service's code, and knows
the standard library and wrapt alone. It lies, as a copy, in the directory of
that one process, beside its mutant; environment.py has what runs it.
"""

import fcntl
import importlib.util
import pathlib
import sys
import traceback

import wrapt

_HERE = pathlib.Path(__file__).parent
_MUTANT = _HERE / 'mutant.py'
_LOCK = _HERE.parent / 'lock'

# uWSGI lets Python set its paths up twice; a mutant that wraps what it has
# wrapped would do everything twice.
_LOADED = 'local_delete_mutant'


class Hook:
    """What a mutant patches with."""

    def __init__(self, module):
        self._module = module

    def replace(self, name, module=None, when=None):
        """Put a function in the place of another one.

        :param name: "function" or "Class.method"
        :param module: where that is; by default the mutant's MODULE
        :param when: callable of the instance and the arguments; where it
            returns what is false the original is called
        :returns: A decorator of a function as wrapt has them, of (wrapped,
            instance, args, kwargs).
        """
        def decorate(function):
            def wrapper(wrapped, instance, args, kwargs):
                if not self.active() or (
                        when and not when(instance, *args, **kwargs)):
                    return wrapped(*args, **kwargs)
                self.reached()
                return function(wrapped, instance, args, kwargs)
            wrapt.wrap_function_wrapper(module or self._module, name, wrapper)
            return function
        return decorate

    @staticmethod
    def active():
        """True while the "mutate" that put the mutant here wants it.

        When that is killed its lock falls, and the service is sane again.
        """
        try:
            with _LOCK.open() as lock:
                fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _MUTANT.exists()
        except OSError:
            # No lock that can be read, as when "mutate" has cleaned up: where
            # nobody is known to want the mutant, the service is sane.
            return False
        # The lock was free.
        return False

    @staticmethod
    def reached():
        """Say that the service does something wrong at this moment."""
        (_HERE / 'reached').touch()


def _patch(module):
    """Run the mutant, which may import by now what the service has."""
    try:
        spec = importlib.util.spec_from_file_location('mutant', _MUTANT)
        mutant = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(mutant)
        mutant.patch(module, Hook(module))
        (_HERE / 'loaded').touch()
    except Exception:
        # The service goes on as it is; whoever waits reads what is wrong.
        (_HERE / 'failed').write_text(traceback.format_exc())


if _LOADED not in sys.modules and Hook.active():
    sys.modules[_LOADED] = None
    wrapt.register_post_import_hook(
        _patch, (_HERE / 'module').read_text())
