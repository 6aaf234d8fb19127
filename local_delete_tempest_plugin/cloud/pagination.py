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

"""Read lists that an API gives page by page."""

from collections.abc import Callable
from collections.abc import Iterator
from typing import Any

from local_delete_tempest_plugin import exceptions


def read(list_page: Callable[..., dict[str, Any]], key: str, call: str,
         marker: str = 'id', **filters: Any) -> Iterator[dict[str, Any]]:
    """Read every page of a list whose answers link to the next page.

    :param list_page: Method of a client that takes ``filters`` and a
        ``marker``.
    :param key: Key of the list in the answer. The link to the next page has
        the same key with ``_links`` at its end, or the key ``next``.
    :param call: Method and path of the request, for an error.
    :param marker: The field of an item that is the marker of the next page.
    :param filters: Filters of the request.
    :returns: The items.
    :raises InvalidAnswer: a page leads back to a page that was read before.
    """
    page: dict[str, Any] = {}
    seen: set[Any] = set()
    while True:
        answer = list_page(**filters, **page)
        yield from answer[key]
        more = answer.get(key + '_links') or answer.get('next')
        if not more or not answer[key]:
            return
        last = answer[key][-1][marker]
        if last in seen:
            raise exceptions.InvalidAnswer(
                call='%s?marker=%s' % (call, last),
                problem='the pages go in a circle')
        seen.add(last)
        page = {'marker': last}


def read_unlinked(list_page: Callable[..., dict[str, Any]], key: str,
                  call: str, **filters: Any) -> Iterator[dict[str, Any]]:
    """Read every page of a list whose answers have no link to the next page.

    Nova's server groups and Cinder's attachments are such lists.

    :param list_page: Method of a client that takes ``filters`` and an
        ``offset``.
    :param key: Key of the list in the answer.
    :param call: Method and path of the request, for an error.
    :param filters: Filters of the request.
    :returns: The items.
    :raises InvalidAnswer: a page ends as the page before.
    """
    count, last = 0, None
    while True:
        found = list_page(**filters, offset=count)[key]
        if not found:
            return
        if found[-1]['id'] == last:
            raise exceptions.InvalidAnswer(
                call='%s?offset=%d' % (call, count),
                problem='the pages go in a circle')
        yield from found
        count, last = count + len(found), found[-1]['id']
