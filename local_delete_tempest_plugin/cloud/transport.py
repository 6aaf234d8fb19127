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

Tempest itself follows redirects and shows the token to their targets. It
repeats a request up to ten times. Its time limit starts again with each byte,
so an answer that trickles never ends.
"""

import contextlib
import contextvars
import datetime
import http.client
import io
import json
import logging
import re
import socket
import ssl
import time
import typing
from urllib import parse

import fixtures
from oslo_utils import strutils
from tempest import config
from tempest.lib import auth
from tempest.lib.common import http as tempest_http
from tempest.lib.common import rest_client
from tempest.lib import exceptions as lib_exc
import tenacity
import urllib3

from local_delete_tempest_plugin.cloud import response_schemas
from local_delete_tempest_plugin import exceptions

CONF = config.CONF

# A thousand servers, which is Nova's longest page, are less than 1 MiB.
MAX_ANSWER = 8 * 1024 ** 2

_CHUNK = 64 * 1024

# A read may be sent again. A write may have arrived, so it is sent once.
_RETRIES = urllib3.Retry(
    total=2, connect=0, other=0, redirect=False, status=False,
    respect_retry_after_header=False,
    allowed_methods=('GET', 'HEAD'))

# Apache with uWSGI answers 502 or 503 to one in nine requests whose body the
# service does not read. To send one of these again changes nothing more.
_REPEATABLE = ('GET', 'HEAD', 'PUT')
_ATTEMPTS = 4

_IMAGES = re.compile(r'/images(/|\?|\Z)')

_REDIRECTS = (301, 302, 303, 305, 307, 308)

# Tempest compares a token's expiry with this machine's clock, and Keystone
# uses another clock. So a new token is fetched this long before the expiry.
_CLOCKS_APART = datetime.timedelta(minutes=10)

# Until when a service may do what it was asked for and has not answered
# (time.monotonic).
_unanswered_until = 0.0

# When the request that this thread sends has to be over (time.monotonic).
_deadline: contextvars.ContextVar[float] = contextvars.ContextVar('deadline')


class Response(dict):
    """The head of an answer, as Tempest's clients take it.

    Maps the names of headers, in lower case, to their values.

    :ivar call: Method and URL of the request, for an error; set by
        ``request``.
    :param url: URL of the request.
    :param status: HTTP status of the answer.
    :param headers: Its headers.
    """

    def __init__(self, url: str, status: int,
                 headers: typing.Mapping[str, str]) -> None:
        super().__init__({str(name).lower(): value
                          for name, value in headers.items()})
        self.status = status
        self['status'] = str(status)
        self['content-location'] = url


def _time_left():
    left = _deadline.get() - time.monotonic()
    if left <= 0:
        raise TimeoutError('the deadline has passed')
    return left


class _Incoming(io.RawIOBase):
    """The bytes that arrive on a socket before the deadline.

    A socket's time limit holds for one call and starts again with the next.
    So each call gets the time that the request still has. That holds for the
    head, the body, and for TLS, because all of them are read here.
    """

    def __init__(self, sock: socket.socket, raw: typing.Any) -> None:
        super().__init__()
        self._sock = sock
        self._raw = raw

    def readable(self):
        return True

    def readinto(self, buffer):
        self._sock.settimeout(_time_left())
        return self._raw.readinto(buffer)

    def close(self):
        self._raw.close()
        super().close()


class _TimedResponse(http.client.HTTPResponse):

    def __init__(self, sock: socket.socket, *arguments: typing.Any,
                 **options: typing.Any) -> None:
        super().__init__(sock, *arguments, **options)
        self.fp = io.BufferedReader(_Incoming(sock, self.fp.detach()))


class _Timed:
    """A connection that ends at the deadline."""

    # Reads the answers of the service, and of a proxy that makes a tunnel.
    response_class = _TimedResponse

    def _new_conn(self):
        self.timeout = _time_left()
        connected = super()._new_conn()
        # The TLS handshake, and the request, are one call each.
        connected.settimeout(_time_left())
        return connected


def _timed(pool: typing.Any) -> typing.Any:
    connection = type('_Connection', (_Timed, pool.ConnectionCls), {})
    return type('_Pool', (pool,), {'ConnectionCls': connection})


_POOLS = {
    scheme: _timed(pool) for scheme, pool
    in urllib3.poolmanager.pool_classes_by_scheme.items()}


class _Mask(logging.Filter):
    """Keeps the passwords in bodies out of Tempest's debug log."""

    def filter(self, record):
        if isinstance(record.args, tuple):
            record.args = tuple(
                strutils.mask_password(part) if isinstance(part, str)
                else part for part in record.args)
        return True


class _Record(logging.LogRecord):
    """Keeps control characters of names and messages out of every log."""

    def getMessage(self):
        return exceptions.printable(super().getMessage())


class BoundedFixture(fixtures.Fixture):
    """Lets every client of Tempest's send its requests as this module does.

    The fixture changes Tempest's classes, because Tempest makes clients in
    many places. Some of them send a password as they are made: the
    credentials factory, its providers, each manager.
    """

    def _setUp(self):
        for owner, name, value in (
                (rest_client.RestClient, 'validate_response',
                 response_schemas.validator_of_tempest(
                     rest_client.RestClient.validate_response)),
                (rest_client.RestClient, '_error_checker',
                 _only_a_service_knows(rest_client.RestClient._error_checker)),
                (tempest_http.ClosingHttp, 'request', request),
                (tempest_http.ClosingProxyHttp, 'request', request),
                (auth.KeystoneV3AuthProvider, 'base_url', _find_endpoint),
                (auth.KeystoneAuthProvider, 'token_expiry_threshold',
                 _CLOCKS_APART)):
            self.useFixture(fixtures.MockPatchObject(owner, name, value))
        self.addCleanup(logging.setLogRecordFactory,
                        logging.getLogRecordFactory())
        logging.setLogRecordFactory(_Record)
        # Tempest's log omits tokens, but not the passwords in bodies.
        log, mask = rest_client.RestClient.LOG.logger, _Mask()
        log.addFilter(mask)
        self.addCleanup(log.removeFilter, mask)


def _only_a_service_knows(check):
    """Let an ingress not pass for a service that knows of no such thing.

    What is gone counts as undone. An ingress whose service is away answers 404
    too, and then nothing is gone.

    :param check: ``RestClient._error_checker``.
    :returns: What takes its place.
    """
    def check_error(client, resp, body):
        if (resp.status == 404 and not is_of_service(body)
                # Glance explains its errors in HTML.
                and not _IMAGES.search(resp.call)):
            raise exceptions.InvalidAnswer(
                call=resp.call,
                problem='answered 404, and not as its service does')
        return check(client, resp, body)
    return check_error


_base_url = auth.KeystoneV3AuthProvider.base_url


def _find_endpoint(provider, filters, auth_data=None):
    # Tempest takes the first endpoint of a service. It does not ask whether
    # the service has an endpoint, or whether the endpoint is a URL.
    try:
        url = _base_url(provider, filters, auth_data)
        parse.urlsplit(url)
    except (IndexError, ValueError):
        raise lib_exc.EndpointNotFound(
            'the catalog has no usable endpoint of type %(service)s '
            '(region %(region)s, %(endpoint_type)s)' % filters) from None
    return url


def request(pool: urllib3.PoolManager, url: str, method: str,
            headers: typing.Mapping[str, str] | None = None,
            body: str | bytes | None = None, timeout: float | None = None,
            **_: typing.Any) -> tuple[Response, bytes]:
    """Send a request, and return an answer that was checked.

    A front end may answer 502 or 503 in the place of its service. A read, or a
    PUT, is then sent again. A DELETE is not, because a story wants its answer.

    The deadline holds in any thread, for the connection, TLS, the request and
    the answer together. Only the resolver of host names has a limit of its
    own. So has each address of a name after the first.

    :param pool: Sends the request.
    :param url: The URL, with its query.
    :param method: 'GET', for example.
    :param headers: The headers of the request.
    :param body: Its body.
    :param timeout: Seconds; None for ``[local_delete] request_timeout``.
    :returns: The head and the body of the answer.
    :raises Unreachable: nobody listens at the URL.
    :raises RequestFailed: no answer came, or one that may not be used: it is
        late, too long, or a redirect.
    :raises InvalidAnswer: see ``response_schemas.check``.
    """
    call = '%s %s' % (method, _without_secrets(url))
    limit = timeout or CONF.local_delete.request_timeout
    deadline = time.monotonic() + limit
    token = _deadline.set(deadline)
    answered = method in ('GET', 'HEAD')
    try:
        response, data = _until_service_answers(
            method, lambda: _exchange(pool, url, method, headers, body, limit))
        # A proxy has given up, and the service may go on.
        answered = answered or response.status != 504
    except (urllib3.exceptions.HTTPError, OSError, ValueError) as error:
        if time.monotonic() >= deadline:
            raise exceptions.RequestFailed(
                call=call, problem='no whole answer within %g s' % limit)
        cause = (error.reason if isinstance(
            error, urllib3.exceptions.MaxRetryError) else error)
        kind = (exceptions.Unreachable if isinstance(
            cause, urllib3.exceptions.NewConnectionError)
            else exceptions.RequestFailed)
        answered = answered or kind is exceptions.Unreachable
        raise kind(call=call, problem=_explain(cause))
    finally:
        # After a signal, too.
        if not answered:
            _note_unanswered(limit)
        _deadline.reset(token)
        pool.clear()
    _refuse_unusable(call, response, data)
    response.call = call
    return response, response_schemas.check(call, response, data)


def _refuse_unusable(call, response, data):
    """Refuse an answer that is too long, and a redirect."""
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


def unanswered_until() -> float:
    """Tell until when a service may do late what it was asked for.

    A client may give up on an answer, or a proxy may answer 504. The service
    goes on all the same. It is given as long again.

    :returns: The moment, as ``time.monotonic`` tells it; 0.0 where each change
        that was asked for was answered.
    """
    return _unanswered_until


def _note_unanswered(limit):
    global _unanswered_until
    _unanswered_until = max(_unanswered_until, time.monotonic() + limit)


def _until_service_answers(method, exchange):
    if method not in _REPEATABLE:
        return exchange()
    return tenacity.Retrying(
        retry=tenacity.retry_if_result(_is_of_front_end),
        wait=tenacity.wait_exponential(multiplier=0.1),
        stop=tenacity.stop_after_attempt(_ATTEMPTS),
        retry_error_callback=lambda state: state.outcome.result())(exchange)


def _is_of_front_end(answer):
    """Tell whether an answer is a front end's 502 or 503."""
    response, data = answer
    return response.status in (502, 503) and not is_of_service(data)


def is_of_service(data: bytes) -> bool:
    """Tell whether a service of OpenStack has explained an error itself.

    :param data: The body of the answer.
    :returns: Whether it is an object of JSON. A front end knows only HTML.
    """
    try:
        return isinstance(json.loads(data), dict)
    except (ValueError, RecursionError):
        return False


def _exchange(pool, url, method, headers, body, limit):
    # A pool that Tempest has made before would use other connections.
    pool.clear()
    pool.pool_classes_by_scheme = _POOLS
    answer = pool.urlopen(
        method, url, body=body, retries=_RETRIES, redirect=False,
        headers=dict(headers or {}, connection='close'),
        preload_content=False, timeout=limit)
    with contextlib.closing(answer):
        data = bytearray()
        for chunk in answer.stream(_CHUNK):
            data += chunk
            if len(data) > MAX_ANSWER:
                break
    return Response(url, answer.status, answer.headers), bytes(data)


def _without_secrets(url):
    """Leave out of a URL what may be a password in it."""
    return re.sub(r'//[^/?#]*@', '//', str(url))


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
