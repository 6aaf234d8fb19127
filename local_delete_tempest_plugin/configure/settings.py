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

"""The options that are chosen for tempest.conf, each with its reason."""

from collections.abc import Callable
import dataclasses

from oslo_config import cfg

from local_delete_tempest_plugin import exceptions

#: The section that is always written.
OWN = 'local_delete'

#: Name of an option: (section, option).
Name = tuple[str, str]


@dataclasses.dataclass(frozen=True)
class Choice:
    """One option for tempest.conf.

    :param group: Its section.
    :param option: Its name.
    :param value: Its value, in words.
    :param why: Why this value, in words.
    :param is_comment: Whether it is only proposed, as a comment.
    :param replaces: Whether a line that sets the option becomes a comment.
    :param is_secret: Whether nobody may see the value.
    """

    group: str
    option: str
    value: str = dataclasses.field(repr=False)
    why: str
    is_comment: bool = False
    replaces: bool = True
    is_secret: bool = False

    def __str__(self) -> str:
        return '[%s] %s' % (self.group, self.option)

    @property
    def shown(self) -> str:
        """The value as others may see it."""
        return '***' if self.is_secret else self.value


class Settings:
    """Collects the choices, and lets this process use them at once.

    An option that tempest.conf sets is left as it is.

    :param replace: Whether options that are set are chosen all the same.
    :ivar choices: Each ``Choice``, in the order in which they were made.
    :ivar kept: Names of the options that stay as they are.
    :ivar open: What nobody could choose, in words.
    """

    def __init__(self, replace: bool = False) -> None:
        self._replace = replace
        self.choices: list[Choice] = []
        self.kept: list[Name] = []
        self.open: list[str] = []

    def may_choose(self, group: str, option: str) -> bool:
        """Tell whether an option is to be chosen, and note if it stays.

        :param group: The section.
        :param option: Name of the option.
        :raises NotConfigured: it is set where nothing is replaced.
        """
        if not is_set(group, option):
            return True
        if self._replace:
            _require_in_file(group, option)
            return True
        if (group, option) not in self.kept:
            self.kept.append((group, option))
        return False

    def choose(self, group: str, option: str, value: str, why: str,
               is_secret: bool = False) -> None:
        """Choose a value, unless tempest.conf has one that stays.

        :param group: The section.
        :param option: Name of the option.
        :param value: Its value.
        :param why: Why this value, in words.
        :param is_secret: Whether nobody may see the value.
        :raises NotConfigured: tempest.conf cannot hold the value.
        """
        if not self.may_choose(group, option):
            return
        self._add(Choice(group, option, value, why, is_secret=is_secret))
        try:
            cfg.CONF.set_override(option, value, group=group)
        except ValueError as error:
            raise exceptions.NotConfigured(
                problem='[%s] %s cannot be set: %s' % (group, option, error))

    def _add(self, choice):
        # A line feed in it would begin another option.
        if not choice.value.isprintable():
            raise exceptions.NotConfigured(
                problem='tempest.conf cannot hold the value for %s: it has a '
                'character that cannot be printed' % choice)
        self.choices.append(choice)

    def choose_found(self, group: str, option: str,
                     find: Callable[[], tuple[str, str] | None],
                     lacking: str) -> None:
        """Choose what is found, and look for it only if it is needed.

        :param find: Gives (value, why), or None where nothing is found.
        :param lacking: What is open if nothing is found.
        """
        if not self.may_choose(group, option):
            return
        found = find()
        if found:
            self.choose(group, option, *found)
        else:
            self.open.append(lacking)

    def propose(self, option: str, value: str, why: str,
                replaces: bool = False) -> None:
        """Propose a value of ``[local_delete]`` as a comment.

        :param option: Name of the option.
        :param value: Its value.
        :param why: Why this value, in words.
        :param replaces: Whether it takes the place of a value that is set,
            where values may be replaced.
        """
        if not is_set(OWN, option) or replaces and self._replace:
            self._add(Choice(OWN, option, value, why, is_comment=True,
                             replaces=replaces))


def is_set(group: str, option: str) -> bool:
    """Tell whether tempest.conf sets an option.

    :param group: The section.
    :param option: Name of the option.
    """
    location = cfg.CONF.get_location(option, group)
    return bool(location and location.location.is_user_controlled)


def _require_in_file(group, option):
    """Refuse an option of a variable, or of another file, which would win."""
    place = cfg.CONF.get_location(option, group).detail
    if place != cfg.CONF.config_file[-1]:
        raise exceptions.NotConfigured(
            problem='[%s] %s is set in %s, which wins over tempest.conf, so '
            'nothing was written: remove it there' % (group, option, place))
