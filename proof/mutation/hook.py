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

"""Loads a mutant into the service that runs this file when it starts.

The file runs in a process of a service, before the service's own code. It may
import only the standard library and wrapt. A copy of it lies in the directory
of that process, beside the mutant: see ``Deployment.hooks`` of the all-in-one.
"""

import collections.abc
import fcntl
import importlib.util
import pathlib
import sys
import traceback
import types

import wrapt

_HERE = pathlib.Path(__file__).parent
_MUTANT = _HERE / 'mutant.py'
_LOCK = _HERE.parent / 'lock'

# uWSGI makes Python read its paths twice. A mutant that wraps a function twice
# would do everything twice.
_LOADED = 'local_delete_mutant'


class Hook:
    """Patches functions for a mutant.

    :param module: the mutant's MODULE
    """

    def __init__(self, module: types.ModuleType) -> None:
        self._module = module

    def replace(self, name: str, module: types.ModuleType | None = None,
                when: collections.abc.Callable[..., object] | None = None
                ) -> collections.abc.Callable:
        """Put a function in the place of another function.

        :param name: "function" or "Class.method"
        :param module: the module of the name; by default the mutant's MODULE
        :param when: called with the instance and the arguments; if it returns
            something false, the original is called
        :returns: A decorator of a wrapt wrapper, which is a function of
            (wrapped, instance, args, kwargs).
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
    def active() -> bool:
        """Tell whether the mutant may do something wrong now.

        It may while the "mutate" that put it here runs, and holds its lock. If
        "mutate" is killed, the lock is free, and the service is sane again.
        """
        try:
            with _LOCK.open() as lock:
                fcntl.lockf(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return _MUTANT.exists()
        except OSError:
            # No lock can be read, because "mutate" has cleaned up.
            return False
        # The lock was free.
        return False

    @staticmethod
    def reached() -> None:
        """Note that the service does something wrong at this moment."""
        (_HERE / 'reached').touch()


def _patch(module):
    """Run the mutant, which may now import the service's modules."""
    try:
        spec = importlib.util.spec_from_file_location('mutant', _MUTANT)
        mutant = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(mutant)
        mutant.patch(module, Hook(module))
        (_HERE / 'loaded').touch()
    except Exception:
        # The service goes on without the mutant, and "mutate" reads this.
        (_HERE / 'failed').write_text(traceback.format_exc())


if _LOADED not in sys.modules and Hook.active():
    sys.modules[_LOADED] = types.ModuleType(_LOADED)
    wrapt.register_post_import_hook(
        _patch, (_HERE / 'module').read_text())
