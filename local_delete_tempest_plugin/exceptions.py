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

"""What the plugin raises beside Tempest's own exceptions."""

import enum
import re

from tempest.lib import exceptions


def printable(words: object) -> str:
    """Escape what a terminal would obey instead of showing it.

    Names, reasons and messages come from others. An escape sequence in them
    could change the screen, and a mark of direction could reverse the words.
    Half a surrogate could not be printed at all.

    :param words: An object, such as a str or an exception.
    :returns: Its words as a str; only line feeds are still control
        characters.
    """
    text = str(words)
    if text.isprintable():
        return text
    return ''.join(
        one if one.isprintable() or one == '\n'
        else one.encode('unicode_escape').decode() for one in text)


class _Printable:
    """An exception whose words can be shown on any terminal."""

    def __str__(self) -> str:
        return printable(super().__str__())

    def __repr__(self) -> str:
        return str(self)


class InvalidAnswer(_Printable, exceptions.TempestException):
    """A service gave an answer that cannot be used."""

    message = '%(call)s: %(problem)s'


class RequestFailed(_Printable, exceptions.TempestException):
    """A request got no answer, or an answer that may not be used."""

    message = '%(call)s: %(problem)s'


class Unreachable(RequestFailed):
    """Nobody listens where a service should be."""


class TimedOut(_Printable, exceptions.TimeoutException):
    """A wait reached its limit, although the cloud answered."""

    message = '%(problem)s'


class StillInUse(_Printable, exceptions.TempestException):
    """Something cannot be deleted, because something else uses it."""

    message = ('%(problem)s (still so after [local_delete] cleanup_timeout, '
               '%(limit)d s)')


class CommandFailed(_Printable, exceptions.TempestException):
    """A command of an outage is unusable, failed, or did not end."""

    message = '[local_delete] %(option)s: %(problem)s'


class CommandNotBegun(CommandFailed):
    """A command did not start, so it changes nothing."""


class Refusal(enum.Enum):
    """Why an outage is refused. Code goes by these, and never by words."""

    #: An option of ``[local_delete]`` forbids it.
    OPTION_OFF = 'option-off'
    #: The host is not among ``[local_delete] target_hosts``.
    NOT_A_TARGET = 'not-a-target'
    #: The host is not in ``[local_delete] availability_zone``.
    OTHER_ZONE = 'other-zone'
    #: The host has no compute service, or several.
    NOT_ONE_SERVICE = 'not-one-service'
    #: The host has no compute node, or several.
    NOT_ONE_NODE = 'not-one-node'
    #: Its compute service is forced down already.
    FORCED_DOWN = 'forced-down'
    #: Nova does not show its compute service as up.
    NOT_UP = 'not-up'
    #: A run of this plugin has disabled its compute service.
    FENCED = 'fenced'
    #: Somebody else has disabled its compute service.
    DISABLED = 'disabled'
    #: Fewer other hosts are up than ``[local_delete] min_other_hosts``.
    TOO_FEW_OTHER_HOSTS = 'too-few-other-hosts'
    #: A server of somebody else is moving from it or to it.
    MIGRATION = 'migration'
    #: A server of somebody else is on it.
    FOREIGN_SERVER = 'foreign-server'
    #: A consumer of somebody else holds something of its providers.
    FOREIGN_CONSUMER = 'foreign-consumer'
    #: Its provider has the trait of another run.
    LEASED = 'leased'
    #: The hypervisors of two hosts differ, so that no server can move.
    HYPERVISORS_DIFFER = 'hypervisors-differ'
    #: Its compute service has something that a new one would not get.
    NOT_RECOVERABLE = 'not-recoverable'
    #: Its hypervisor has no guests.
    NO_GUESTS = 'no-guests'
    #: Its providers do not offer what a port requests.
    NOT_OFFERED = 'not-offered'
    #: Fewer hosts than a story needs can be leased; with each one's reason.
    TOO_FEW_HOSTS = 'too-few-hosts'
    #: Placement was stopped in another way than a scenario needs.
    OTHER_OUTAGE = 'other-outage'
    #: No scheduler is up.
    NO_SCHEDULER = 'no-scheduler'
    #: No conductor is up.
    NO_CONDUCTOR = 'no-conductor'

    @classmethod
    def all_in(cls, text: str) -> list['Refusal']:
        """Read the codes off the reason of a skip, or off a log.

        :param text: A str with messages of ``OutageRefused`` in it.
        :returns: A list of ``Refusal``, in their order.
        """
        return [cls(code) for code in re.findall(
            r'\[(%s)\]' % '|'.join(one.value for one in cls), text)]


class OutageRefused(_Printable, exceptions.TempestException):
    """An outage is not allowed, or not possible; the test then skips.

    :param code: A ``Refusal``. The message ends in it, so that it can be read
        off a skip or a log of another process.
    :param reason: The same in words, a str.
    """

    message = '%(reason)s [%(code)s]'

    def __init__(self, code: Refusal, reason: str) -> None:
        super().__init__(reason=reason, code=code.value)
        self.code = code


class RestoreFailed(_Printable, exceptions.TempestException):
    """Something that an outage changed could not be given back."""

    message = ('%(what)s was not given back: %(problem)s. '
               'To put it right: %(remedy)s')


class ServiceTooOld(_Printable, exceptions.TempestException):
    """Nova changes no compute that is older than those it is compared with.

    Nova leaves out computes that are forced down. So the oldest compute of a
    cell cannot be changed any more once it is forced down.
    """

    message = ('Nova does not change the compute service of host %(host)s, '
               'because it is older than each compute of its cell that is '
               'not forced down (ServiceTooOld; see the finding '
               'service-too-old)')


class LeftToOperator(_Printable, exceptions.TempestException):
    """What a run changed is not its own any more, so it was not given back.

    Somebody changed it again. All that was still the run's own was given back
    before this is raised, so the change is complete.
    """

    message = '%(what)s is left to you, because %(found)s'


class InsecureCloud(_Printable, exceptions.TempestException):
    """Passwords and tokens could be read on their way to the cloud."""

    message = '[local_delete] require_tls is True, and %(problem)s'


class JournalUnusable(_Printable, exceptions.TempestException):
    """A journal cannot be written, read, or trusted."""

    message = 'journal %(path)s %(problem)s'


class StageUnusable(_Printable, exceptions.TempestException):
    """A stage cannot be made, or the file of a stage cannot be used."""

    message = '%(problem)s'


class ReportFailed(_Printable, exceptions.TempestException):
    """The results of a run cannot be read, or not be written."""

    message = '%(problem)s'


class NotConfigured(_Printable, exceptions.TempestException):
    """No tempest.conf can be written for this cloud."""

    message = '%(problem)s'


class DefectShown(_Printable, AssertionError):
    """A scenario failed because the cloud does not do what its story expects.

    A known defect of Nova shows itself by a failure of this kind only. A
    create that failed, or an outage that never came, is another failure.
    """


class LeakFound(DefectShown):
    """The cloud holds something else than before the create of a server."""


class DeleteNotAccepted(DefectShown):
    """Nova refused the delete of a server, or did not answer."""


class ServerNotGone(DefectShown):
    """A server whose delete was accepted does not answer 404."""


class NotSoftDeleted(DefectShown):
    """A server whose delete was accepted is not SOFT_DELETED."""


_LONGEST_LINE = 1000

_CLEARER = (
    # Tempest shows the whole catalog instead of what is not in it.
    (re.compile(r'No matching service found in the catalog.*'
                r'Service: (\S*), Region: (\S*), endpoint_type: (\S*)'),
     'the catalog has no service of type %s (region %s, %s)'),
    # What follows the words of a URL that is not valid may be a password.
    (re.compile(r"Value for option (\S+) from LocationInfo\([^']{0,99}, "
                r"detail='([^']*)'\) is not valid: "
                r"(?:\('(?=[^']*', URIReference))?(.*?)"
                r"(?:', URIReference.*)?$"),
     'option %s in %s: %s'),
)


def one_line(words: object) -> str:
    """Put an error, or other words, into one line that a person can read.

    All that the commands print, and all that failures quote, goes through
    this function or through ``printable``.

    :param words: An exception or a str.
    :returns: A str without control characters; only the begin and the end if
        it is long.
    """
    text = printable(' '.join(str(words).split()))
    for pattern, words in _CLEARER:
        found = pattern.search(text)
        if found:
            text = words % found.groups()
    if len(text) <= _LONGEST_LINE:
        return text
    half = _LONGEST_LINE // 2
    return '%s ... %s' % (text[:half], text[-half:])
