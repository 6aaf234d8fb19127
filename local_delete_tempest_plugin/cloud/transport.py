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

"""How Tempest's clients send a request: once, in time, to one host.

Tempest's own way follows redirects with the token in hand, repeats a request
up to ten times, and waits for each byte anew, so that an answer which trickles
never ends.
"""

import contextlib
import contextvars
import datetime
import logging
import re
import socket
import ssl
import threading
from urllib import parse

import fixtures
from oslo_utils import strutils
from tempest import config
from tempest.lib import auth
from tempest.lib.common import http
from tempest.lib.common import rest_client
import urllib3

from local_delete_tempest_plugin.cloud import response_schemas
from local_delete_tempest_plugin import exceptions

CONF = config.CONF

# A thousand servers, which is Nova's longest page, are less than 1 MiB.
MAX_ANSWER = 8 * 1024 ** 2

_CHUNK = 64 * 1024

# What was read may be read again; what was written may have arrived.
_RETRIES = urllib3.Retry(
    total=2, connect=0, other=0, redirect=False, status=False,
    respect_retry_after_header=False,
    allowed_methods=('GET', 'HEAD'))

_REDIRECTS = (301, 302, 303, 305, 307, 308)

# Tempest asks its own clock whether a token has expired, and Keystone asks
# another; so a token is done with this long before its end.
_CLOCKS_APART = datetime.timedelta(minutes=10)

_deadline = contextvars.ContextVar('deadline')


class Response(dict):
    """The head of an answer, as Tempest's clients take it."""

    def __init__(self, url, status, headers):
        super().__init__({str(name).lower(): value
                          for name, value in headers.items()})
        self.status = status
        self['status'] = str(status)
        self['content-location'] = url


class _Deadline:
    """Cuts the connection of a request when its time is over.

    A socket's time-out is for each byte anew. Only from another thread can a
    read that goes on and on be ended, be it of a head, a body, or TLS.
    """

    def __init__(self, limit):
        self.limit = limit
        self.is_over = False
        self._twin = None
        self._timer = threading.Timer(limit, self._cut)
        self._timer.daemon = True

    def __enter__(self):
        self._timer.start()
        self._token = _deadline.set(self)
        return self

    def __exit__(self, *_):
        _deadline.reset(self._token)
        self._timer.cancel()
        self._timer.join()
        if self._twin:
            self._twin.close()

    def hold(self, connected):
        # TLS takes a socket over; a twin still reaches the connection.
        before, self._twin = self._twin, connected.dup()
        if before:
            before.close()
        if self.is_over:
            self._cut()

    def _cut(self):
        self.is_over = True
        if self._twin:
            # It may have been closed at this moment.
            with contextlib.suppress(OSError):
                self._twin.shutdown(socket.SHUT_RDWR)


class _Held:
    """A connection that ends at the deadline."""

    def _new_conn(self):
        connected = super()._new_conn()
        _deadline.get().hold(connected)
        return connected


class _HTTPConnection(_Held, urllib3.connection.HTTPConnection):
    pass


class _HTTPSConnection(_Held, urllib3.connection.HTTPSConnection):
    pass


class _HTTPPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _HTTPConnection


class _HTTPSPool(urllib3.HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection


class _Mask(logging.Filter):
    """Keeps the passwords in bodies out of Tempest's debug log."""

    def filter(self, record):
        if isinstance(record.args, tuple):
            record.args = tuple(
                strutils.mask_password(part) if isinstance(part, str)
                else part for part in record.args)
        return True


class BoundedFixture(fixtures.Fixture):
    """Lets every client of Tempest's send its requests in our way.

    It is Tempest's class that is changed, because Tempest makes clients in
    many places, and some of them send a password as they are made: its
    credentials factory, its providers, each manager.
    """

    def _setUp(self):
        for pool_class in (http.ClosingHttp, http.ClosingProxyHttp):
            self.useFixture(fixtures.MockPatchObject(
                pool_class, 'request', request))
        self.useFixture(fixtures.MockPatchObject(
            auth.KeystoneAuthProvider, 'token_expiry_threshold',
            _CLOCKS_APART))
        # It omits tokens, and shows the passwords of users and servers.
        log, mask = rest_client.RestClient.LOG.logger, _Mask()
        log.addFilter(mask)
        self.addCleanup(log.removeFilter, mask)


def request(pool, url, method, headers=None, body=None, timeout=None, **_):
    """Send a request, and give back an answer that was checked.

    :param pool: The ``urllib3.PoolManager`` to send it with.
    :param timeout: Seconds, or None for ``[local_delete] request_timeout``.
    :returns: (``Response``, bytes).
    :raises RequestFailed: there is no answer, or none to go by.
    :raises InvalidAnswer: see ``response_schemas.check``.
    """
    call = '%s %s' % (method, _without_secrets(url))
    limit = timeout or CONF.local_delete.request_timeout
    with _Deadline(limit) as deadline:
        try:
            response, data = _exchange(pool, url, method, headers, body,
                                       deadline)
        except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            if deadline.is_over:
                raise _too_late(call, deadline)
            cause = (error.reason if isinstance(
                error, urllib3.exceptions.MaxRetryError) else error)
            kind = (exceptions.Unreachable if isinstance(
                cause, urllib3.exceptions.NewConnectionError)
                else exceptions.RequestFailed)
            raise kind(call=call, problem=_explain(cause))
        finally:
            pool.clear()
        if deadline.is_over:
            # Where an answer ends with its connection, a cut looks like that.
            raise _too_late(call, deadline)
    if len(data) > MAX_ANSWER:
        raise exceptions.RequestFailed(
            call=call, problem='the answer is longer than %d MiB' % (
                MAX_ANSWER // 1024 ** 2))
    if response.status in _REDIRECTS:
        raise exceptions.RequestFailed(
            call=call, problem='answered %d, a redirect to %s, which is not '
            'followed because it would be shown the token: put the right URL '
            'into the catalog or tempest.conf' % (
                response.status,
                _without_secrets(response.get('location', 'nowhere'))))
    response_schemas.check(call, response, data)
    return response, data


def _exchange(pool, url, method, headers, body, deadline):
    # A pool of before the deadline would have connections without one.
    pool.clear()
    pool.pool_classes_by_scheme = {'http': _HTTPPool, 'https': _HTTPSPool}
    answer = pool.urlopen(
        method, url, body=body, retries=_RETRIES, redirect=False,
        headers=dict(headers or {}, connection='close'),
        preload_content=False, timeout=deadline.limit)
    with contextlib.closing(answer):
        data = bytearray()
        for chunk in answer.stream(_CHUNK):
            data += chunk
            if len(data) > MAX_ANSWER:
                break
    return Response(url, answer.status, answer.headers), bytes(data)


def _too_late(call, deadline):
    return exceptions.RequestFailed(
        call=call, problem='no whole answer within %g s' % deadline.limit)


def _without_secrets(url):
    """Leave out of a URL what may be a password in it."""
    parts = parse.urlsplit(str(url))
    return parts._replace(netloc=parts.netloc.rpartition('@')[2]).geturl()


def _explain(cause):
    tls = cause.args[0] if cause.args else None
    if isinstance(tls, ssl.SSLCertVerificationError):
        return ('its certificate is not to be trusted (%s): set [identity] '
                'ca_certificates_file to who signed it' % tls.verify_message)
    if isinstance(tls, ssl.SSLError) and 'WRONG_VERSION' in str(tls):
        return 'it speaks no TLS, and the URL is https'
    # urllib3 puts the connection, or even its address in memory, first.
    words = re.sub(r'^(<.*?>|\w+\(host=.*?\)): ', '', str(cause))
    return 'no answer: %s' % ' '.join(words.split())
