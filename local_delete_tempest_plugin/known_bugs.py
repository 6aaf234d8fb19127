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

"""The defects of Nova that this project has found, and the releases with them.

doc/source/findings.rst describes each defect. ``[local_delete] known_bugs``
chooses among them.
"""

from collections.abc import Collection
from collections.abc import Iterable
import dataclasses
import difflib

from tempest.lib.common import api_version_request

#: {release: the highest microversion of its Nova}, the oldest first.
RELEASES = {'2025.1': '2.100', '2025.2': '2.100', '2026.1': '2.103',
            '2026.2': '2.104'}

#: The name of the option, and of what a result tells of the choice.
OPTION = 'known_bugs'

#: The word for the releases that the cloud's highest microversion tells.
AUTO = 'auto'

# It was reproduced, it was tried and is not there, or nobody tried it.
_YES, _NO, _OPEN = True, False, None

#: {defect: whether it is in each of RELEASES, in that order}.
FOUND: dict[str, tuple[bool | None, ...]] = {
    'api-new-to-placement': (_YES, _YES, _YES, _YES),
    'audit-restores-traits': (_YES, _YES, _YES, _YES),
    'verify-resize-source-dead': (_YES, _YES, _YES, _YES),
    'verify-resize-delete-undone': (_YES, _YES, _YES, _YES),
    'soft-deleting-for-good': (_YES, _YES, _YES, _YES),
    'verify-resize-migration-leaked': (_YES, _YES, _YES, _YES),
    'verify-resize-placement-out': (_YES, _YES, _YES, _YES),
    'half-way-migration-leaked': (_YES, _YES, _YES, _YES),
    'revert-cut-off-migration-leaked': (_YES, _YES, _YES, _YES),
    'build-deleted-scheduler-late': (_YES, _YES, _YES, _YES),
    'resize-conductor-lost': (_YES, _YES, _YES, _YES),
    'live-migration-conductor-lost': (_YES, _YES, _YES, _YES),
    'live-migration-cut-off-leaked': (_YES, _YES, _YES, _YES),
    'verify-resize-reset-state-leaked': (_YES, _YES, _YES, _YES),
    'simultaneous-deletes': (_YES, _YES, _YES, _YES),
    'image-of-cut-off-snapshot': (_YES, _YES, _YES, _YES),
    'shelved-image-glance-out': (_YES, _YES, _YES, _YES),
    'delete-before-seen-down': (_YES, _YES, _YES, _YES),
    'enable-while-down-keeps-trait': (_YES, _YES, _YES, _YES),
    'deleted-service-refuses-moves': (_YES, _YES, _YES, _YES),
    'service-too-old': (_YES, _YES, _YES, _YES),
    'delete-without-scheduler': (_YES, _NO, _YES, _YES),
    'volume-left-in-build': (_YES, _YES, _YES, _NO),
    'volume-left-cinder-out': (_YES, _YES, _YES, _YES),
    'volume-of-cut-off-build': (_YES, _YES, _YES, _YES),
}


@dataclasses.dataclass(frozen=True)
class Chosen:
    """The defects that scenarios are expected to show.

    :param names: Their names.
    :param why: Which releases were taken and why, in one line.
    :param is_tried: Whether the release of the cloud is one of ``RELEASES``,
        as far as that was asked.
    """

    names: frozenset[str]
    why: str
    is_tried: bool = True


def check(item: str) -> str:
    """Refuse an item of ``known_bugs`` that means nothing.

    :param item: ``AUTO``, a release, the name of a defect, or such a name
        after a minus.
    :returns: The item.
    :raises ValueError: it is none of these.
    """
    if item in (AUTO, *RELEASES) or item.removeprefix('-') in FOUND:
        return item
    near = difflib.get_close_matches(item, (AUTO, *RELEASES, *FOUND), 1)
    raise ValueError('%r is no known defect: write %s, a release (%s), or a '
                     'name that "tempest local-delete findings" lists%s' % (
                         item, AUTO, ', '.join(RELEASES),
                         ' (%s?)' % near[0] if near else ''))


def choose(wanted: Collection[str], ceiling: str | None) -> Chosen:
    """Choose the defects that scenarios are expected to show.

    :param wanted: The items of ``known_bugs``, each as ``check`` takes it. A
        list that only takes defects off begins with ``AUTO``.
    :param ceiling: The highest microversion of the cloud's Nova; None if it
        is not known.
    :returns: A ``Chosen``.
    """
    off = {item[1:] for item in wanted if item.startswith('-')}
    listed = {item for item in wanted if not item.startswith('-')}
    names: set[str] = set()
    reasons = []
    is_tried = True
    if AUTO in listed or off and not listed:
        releases, because, is_tried = _releases_of(ceiling)
        names |= _of(releases)
        reasons.append('%s takes the defects of %s, because %s' % (
            AUTO, ' and '.join(releases), because))
    listed.discard(AUTO)
    names |= _of(listed & RELEASES.keys()) | listed - RELEASES.keys()
    reasons += ['%s: %s' % (word, ', '.join(sorted(items)))
                for word, items in (('listed', listed), ('taken off', off))
                if items]
    return Chosen(frozenset(names - off),
                  '; '.join(reasons) or 'no defect is listed', is_tried)


def _of(releases: Iterable[str]) -> set[str]:
    """List the defects that were reproduced in any of some releases."""
    places = [[*RELEASES].index(release) for release in releases]
    return {name for name, found in FOUND.items()
            if any(found[place] for place in places)}


def _releases_of(ceiling: str | None) -> tuple[list[str], str, bool]:
    """Tell the releases of a ceiling: (releases, why, whether it is theirs).

    A ceiling between two releases is that of a Nova that becomes the later.
    """
    newest = [*RELEASES][-1:]
    if ceiling is None:
        return newest, 'the highest microversion of Nova is not known', False
    offers = 'Nova offers microversions up to %s' % ceiling
    order = [*RELEASES.values()]
    for release_ceiling in order:
        if _version(ceiling) <= _version(release_ceiling):
            break
    else:
        return newest, '%s, and no newer release was tried' % offers, False
    if _version(ceiling) < _version(order[0]):
        offers += ', and no older release was tried'
    return ([release for release, known in RELEASES.items()
             if known == release_ceiling], offers, ceiling == release_ceiling)


def _version(words: str) -> api_version_request.APIVersionRequest:
    return api_version_request.APIVersionRequest(words)
