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

"""A change of the cloud, as data that is on disk until it is undone."""

from collections.abc import Iterable
import dataclasses
import functools
import types
import typing
from typing import Any
from typing import cast
from typing import ClassVar
from typing import Protocol
from typing import TypeVar

import jsonschema

from local_delete_tempest_plugin.cloud import admin as cloud_admin
from local_delete_tempest_plugin.safety import run

_TEXT = {'type': 'string', 'minLength': 1}

_SCHEMAS: dict[Any, dict[str, Any]] = {
    str: _TEXT,
    str | None: {'type': ['string', 'null']},
    bool: {'type': 'boolean'},
    int: {'type': 'integer'},
    int | None: {'type': ['integer', 'null']},
    list[str]: {'type': 'array', 'items': _TEXT},
    list[str] | None: {'type': ['array', 'null'], 'items': _TEXT},
    dict[str, dict[str, float]]: {
        'type': 'object', 'additionalProperties': {
            'type': 'object', 'additionalProperties': {'type': 'number'}}},
}

_Self = TypeVar('_Self', bound='Change')


@dataclasses.dataclass(frozen=True)
class Change:
    """A kind of change; its fields are what the undo needs.

    A journal holds ``kind`` and the names of the fields. Whoever renames one
    of them, or a field of a field, makes the journals useless that are on
    disk. So that takes a new version of the journal.
    """

    #: Name of the kind in journals.
    kind: ClassVar[str]

    @classmethod
    def read(cls: type[_Self], what: dict[str, Any]) -> _Self:
        """Make a change of what a journal says.

        :param what: The fields, as ``dataclasses.asdict`` gave them.
        :returns: The change.
        :raises jsonschema.ValidationError: a field is missing, unknown, or of
            another type.
        """
        error = jsonschema.exceptions.best_match(
            cls._validator().iter_errors(what))
        if error:
            raise error
        return cast(_Self, _make(cls, what))

    @classmethod
    @functools.cache
    def _validator(cls) -> jsonschema.Draft202012Validator:
        return jsonschema.Draft202012Validator(_schema(cls))

    @classmethod
    def find(cls: type[_Self], admin: cloud_admin.Admin, this_run: run.Run
             ) -> Iterable[_Self]:
        """Find the changes of this kind that carry a run's id in the cloud.

        :param admin: An ``admin.Admin``.
        :param this_run: A ``run.Run`` that was abandoned.
        :returns: The changes. Of most kinds there are none, because only the
            journal knows them.
        :raises RestoreFailed: the cloud cannot be searched as it is.
        """
        return ()

    @classmethod
    def suspects(cls, admin: cloud_admin.Admin
                 ) -> Iterable[str]:
        """Find changes of this kind that somebody else may have made too.

        Without its journal nothing tells whether a run made them. So they are
        not undone, but told to the operator.

        :param admin: An ``admin.Admin``.
        :returns: For each, words that say what is wrong and what to do.
        """
        return ()

    def is_of(self, this_run: run.Run) -> bool:
        """Tell whether a run may have made the change.

        :param this_run: The ``run.Run`` whose journal has the change.
        :returns: False where the change names something of somebody else.
        """
        return True

    def before_undo(self: _Self, admin: cloud_admin.Admin) -> _Self:
        """Tell what has to be on disk before the undo begins.

        :param admin: An ``admin.Admin``.
        :returns: The change, with what a second undo has to know if this one
            is killed.
        """
        return self

    def undo(self, admin: cloud_admin.Admin) -> None:
        """Undo the change; nothing is done where it is not there.

        :param admin: An ``admin.Admin``.
        :raises Exception: the change could not be undone.
        """
        raise NotImplementedError

    def __str__(self) -> str:
        """Tell an operator what was changed."""
        return ', '.join('%s %s' % item for item in vars(self).items()
                         if item[1] is not None)


@dataclasses.dataclass(frozen=True)
class Intent:
    """A change that is on disk, because it may have been made."""

    number: int
    change: Change


class Journal(Protocol):
    """What an outage needs of a ``recovery.journal.Journal``."""

    def intend(self, change: Change) -> Intent:
        """Write down a change before it is made."""

    def update(self, intent: Intent, change: Change) -> Intent:
        """Write down what else is known of a change."""

    def complete(self, intent: Intent) -> None:
        """Write down that a change was undone."""


def _schema(kind: Any) -> dict[str, Any]:
    """Derive the JSON schema of a dataclass from its fields."""
    if kind in _SCHEMAS:
        return _SCHEMAS[kind]
    if isinstance(kind, types.UnionType):
        return {'oneOf': [{'type': 'null'}, _schema(_of_union(kind))]}
    fields = dataclasses.fields(kind)
    return {'type': 'object', 'additionalProperties': False,
            'required': [field.name for field in fields
                         if field.default is dataclasses.MISSING],
            'properties': {field.name: dict(field.metadata) or
                           _schema(field.type) for field in fields}}


def _make(kind: Any, what: Any) -> Any:
    if kind in _SCHEMAS or what is None:
        return what
    if isinstance(kind, types.UnionType):
        kind = _of_union(kind)
    return kind(**{field.name: _make(field.type, what[field.name])
                   for field in dataclasses.fields(kind)
                   if field.name in what})


def _of_union(kind: Any) -> Any:
    """Tell the dataclass of a type that is a dataclass or None."""
    dataclass, _ = typing.get_args(kind)
    return dataclass
