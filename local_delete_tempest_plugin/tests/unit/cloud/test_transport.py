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

from concurrent import futures
import json
import logging
import threading
import types

import fixtures
from tempest.lib import exceptions as lib_exc
import urllib3

from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.services import placement
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import rude_server

TOKEN = 'gAAAA-secret'
USAGES = b'{"usages": {}}'
FULL = rude_server.HEAD + b'Content-Length: 14\r\n\r\n' + USAGES
NEVER_ENDING = (
    rude_server.silence,
    rude_server.trickle(b'HTTP/1.1 200 '),
    rude_server.trickle(rude_server.HEAD + b'X-Long: '),
    rude_server.trickle(rude_server.HEAD + b'\r\n'),
    rude_server.trickle(rude_server.HEAD +
                        b'Content-Length: 99999999\r\n\r\n'),
    rude_server.trickle(rude_server.HEAD +
                        b'Transfer-Encoding: chunked\r\n\r\n'),
    rude_server.trickle(rude_server.HEAD +
                        b'Transfer-Encoding: chunked\r\n\r\n',
                        b'1\r\n \r\n'),
    rude_server.trickle(b'', b'HTTP/1.1 100 Continue\r\n\r\n'))


class RequestTest(base.TestCase):
    """What becomes of a request that gets no usable answer."""

    def setUp(self):
        super().setUp()
        self.useFixture(transport.BoundedFixture())

    def client(self, url, **options):
        return placement.PlacementClient(
            types.SimpleNamespace(
                base_url=lambda filters: url,
                auth_request=lambda method, path, headers, body, filters: (
                    url + path, dict(headers, **{'X-Auth-Token': TOKEN}),
                    body)),
            'placement', 'RegionOne', **options)

    def serve(self, story, **options):
        return self.useFixture(rude_server.RudeServer(story, **options))

    def failure(self, url, error=exceptions.RequestFailed, **options):
        """Ask, and give back what is wrong in words."""
        failed = self.assertRaises(
            error, self.client(url, **options).get, '/usages?project_id=p')
        call = 'GET %s/usages?project_id=p: ' % url
        self.assertTrue(str(failed).startswith(call), failed)
        self.assertNotIn(TOKEN, str(failed))
        return str(failed)[len(call):]

    def test_good_answer(self):
        server = self.serve(rude_server.answer(FULL))
        self.assertEqual(USAGES, self.client(server.url).get('/usages')[1])
        self.assertIn(TOKEN.encode(), server.seen[0])

    def late(self, *urls, **options):
        """Fail unless requests end at their deadline, and say so.

        They are sent side by side, as readings are.
        """
        self.config(request_timeout=1)
        with futures.ThreadPoolExecutor(len(urls)) as threads:
            for said in threads.map(
                    lambda url: self.failure(url, **options), urls):
                self.assertEqual('no whole answer within 1 s', said)

    @base.slow
    def test_answers_that_never_end(self):
        """Each byte comes soon; the whole answer never does."""
        self.late(*(self.serve(story).url for story in NEVER_ENDING))

    @base.slow
    def test_answers_over_tls_that_never_end(self):
        self.late(*(self.serve(story, tls=True).url
                    for story in NEVER_ENDING),
                  disable_ssl_certificate_validation=True)

    @base.slow
    def test_tls_handshake_that_never_ends(self):
        self.late(self.serve(rude_server.silence).url.replace(
            'http:', 'https:'))

    @base.slow
    def test_tunnel_that_never_ends(self):
        """A proxy is asked for a tunnel before TLS begins."""
        for story in (rude_server.silence, rude_server.trickle(
                rude_server.HEAD)):
            self.late('https://placement.test',
                      proxy_url=self.serve(story).url)

    @base.slow
    def test_request_that_nobody_reads(self):
        self.config(request_timeout=1)
        over = threading.Event()
        self.addCleanup(over.set)
        server = self.serve(lambda connection: over.wait())
        failed = self.assertRaises(
            exceptions.RequestFailed, self.client(server.url).put, '/x',
            'x' * 100 * 1024 ** 2)
        self.assertIn('no whole answer within 1 s', str(failed))

    def test_one_client_in_several_threads(self):
        """Readings are made in a pool of threads, with one client."""
        client = self.client(self.serve(rude_server.answer(FULL)).url)
        with futures.ThreadPoolExecutor(8) as threads:
            for _, data in threads.map(client.get, ['/usages'] * 100):
                self.assertEqual(USAGES, data)

    def test_answer_that_is_too_long(self):
        ten = 10 * 1024 ** 2
        for story in (
                rude_server.flood,
                rude_server.answer(rude_server.HEAD + (
                    b'Content-Length: %d\r\n\r\n' % ten) + b' ' * ten)):
            self.assertEqual('the answer is longer than 8 MiB',
                             self.failure(self.serve(story).url))

    def test_redirect_gets_no_token(self):
        other = self.serve(rude_server.answer(FULL))
        for status in (301, 302, 303, 307, 308):
            server = self.serve(rude_server.redirect(
                status, other.url.replace('//', '//user:password@') + '/'))
            self.assertEqual(
                'answered %d, a redirect to %s/, which is not followed '
                'because it would be shown the token: put the right URL '
                'into the catalog or tempest.conf' % (status, other.url),
                self.failure(server.url))
        self.assertEqual([], other.seen)

    def test_redirect_to_a_url_that_is_none(self):
        server = self.serve(rude_server.redirect(302, 'http://['))
        self.assertIn('a redirect to http://[, which is not followed',
                      self.failure(server.url))

    def test_tls(self):
        server = self.serve(rude_server.answer(FULL), tls=True)
        self.assertEqual(
            'its certificate is not to be trusted (self-signed certificate):'
            ' set [identity] ca_certificates_file to who signed it',
            self.failure(server.url).replace('self signed', 'self-signed'))
        self.assertEqual([], server.seen)
        self.assertIn('no answer: ', self.failure(
            server.url.replace('https:', 'http:')))

    def test_no_tls(self):
        server = self.serve(rude_server.answer(
            b'HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n'))
        self.assertEqual(
            'it speaks no TLS, and the URL is https',
            self.failure(server.url.replace('http:', 'https:')))

    def test_nobody_listens(self):
        with rude_server.RudeServer(rude_server.silence) as server:
            url = server.url
        self.assertIn('Connection refused',
                      self.failure(url, exceptions.Unreachable))

    def test_url_that_is_none(self):
        for url in ('ftp://host', 'http://', 'nonsense', 'http://[',
                    'http://host:port'):
            self.assertIn('no answer: ', self.failure(url))

    def test_connection_that_breaks(self):
        """What was read is read again, what was written is not written."""
        server = self.serve(rude_server.answer(b''))
        self.assertIn('no answer: ', self.failure(server.url))
        self.assertEqual(3, len(server.seen))
        self.assertRaises(exceptions.RequestFailed,
                          self.client(server.url).put, '/x', '{}')
        self.assertEqual(4, len(server.seen))

    def test_front_end_that_answers_for_its_service(self):
        """Apache does that, and the service never told what it thinks."""
        html = b'HTTP/1.1 503 x\r\nContent-Length: 5\r\n\r\n<p/>\n'
        apis_own = (
            b'HTTP/1.1 503 x\r\nContent-Type: application/json\r\n'
            b'Content-Length: 19\r\n\r\n{"message": "Busy"}')
        for method, answer, sent in (
                ('get', html, 4), ('put', html, 4), ('head', html, 4),
                ('get', html.replace(b'503', b'502'), 4),
                ('get', html.replace(b'503', b'504'), 1),
                ('post', html, 1), ('delete', html, 1),
                ('get', apis_own, 1), ('put', apis_own, 1)):
            server = self.serve(rude_server.answer(answer))
            ask = getattr(self.client(server.url), method)
            body = ('{}',) if method in ('put', 'post') else ()
            error = self.assertRaises(
                lib_exc.RestClientException, ask, '/x', *body)
            self.assertEqual(sent, len(server.seen), (method, answer))
            self.assertEqual(int(answer.split()[1]), error.resp.status)

    def test_front_end_that_passes_the_request_on_later(self):
        answers = [b'HTTP/1.1 502 x\r\nContent-Length: 0\r\n\r\n'] * 3
        server = self.serve(lambda connection: rude_server.answer(
            answers.pop() if answers else FULL)(connection))
        self.assertEqual(USAGES, self.client(server.url).get('/usages')[1])
        self.assertEqual(4, len(server.seen))

    @base.slow
    def test_what_a_service_may_still_do(self):
        """Only a change that nobody has answered may come late."""
        self.config(request_timeout=1)
        gone = self.serve(rude_server.answer(b''))
        slow = self.serve(rude_server.silence)
        proxy = self.serve(rude_server.answer(
            FULL.replace(b' 200 OK', b' 504 Gateway Timeout')))
        refusal = self.serve(rude_server.answer(
            FULL.replace(b' 200 OK', b' 500 Broken')))
        for server, method, may in (
                (refusal, 'put', False), (slow, 'get', False),
                (gone, 'post', True), (slow, 'put', True),
                (proxy, 'delete', True)):
            transport._unanswered_until = 0.0
            ask = getattr(self.client(server.url), method)
            arguments = ('/x', '{}') if method in ('put', 'post') else ('/x',)
            self.assertRaises(lib_exc.TempestException, ask, *arguments)
            self.assertEqual(
                may, transport.unanswered_until() > 0,
                (method, server.seen))
        transport._unanswered_until = 0.0
        self.assertRaises(
            exceptions.Unreachable,
            self.client('http://127.0.0.1:1').put, '/x', '{}')
        self.assertEqual(0.0, transport.unanswered_until())

    def test_what_is_gone_only_its_service_can_tell(self):
        """An ingress whose service is away knows nothing of what is there."""
        head = FULL.replace(b' 200 OK', b' 404 Not Found')
        for kind, body, error in (
                (b'application/json', b'{"errors": []}', lib_exc.NotFound),
                (b'text/html', b'<h1>nginx</h1>', exceptions.InvalidAnswer),
                (b'text/plain', b'404 page not found',
                 exceptions.InvalidAnswer),
                (b'application/json', b'', exceptions.InvalidAnswer)):
            answer = head.split(b'Content-Type')[0] + (
                b'Content-Type: %s\r\nContent-Length: %d\r\n\r\n%s' % (
                    kind, len(body), body))
            server = self.serve(rude_server.answer(answer))
            failed = self.assertRaises(
                error, self.client(server.url).delete, '/traits/X')
            if error is exceptions.InvalidAnswer:
                self.assertEqual(
                    'DELETE %s/traits/X: answered 404, and not as its '
                    'service does' % server.url, str(failed))
        # Glance says it in HTML.
        self.assertRaises(
            lib_exc.NotFound, self.client(self.serve(rude_server.answer(
                head.replace(USAGES, b'<html></html>!'))).url).delete,
            '/v2/images/x')

    def test_through_a_proxy(self):
        proxy = self.serve(rude_server.answer(FULL))
        client = self.client('http://placement.test', proxy_url=proxy.url)
        self.assertEqual(USAGES, client.get('/usages')[1])
        self.assertIn(b'GET http://placement.test/usages', proxy.seen[0])

    def test_debug_log_shows_no_secret(self):
        server = self.serve(rude_server.answer(
            rude_server.HEAD + b'Content-Length: 25\r\n\r\n'
            b'{"adminPass": "S3cret-2"}'))
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        self.client(server.url).put(
            '/users', '{"user": {"name": "known", "password": "S3cret-1"}}')
        self.assertIn('known', log.output)
        for secret in (TOKEN, 'S3cret'):
            self.assertNotIn(secret, log.output)

    def test_wait_that_an_answer_asks_for(self):
        """Tempest would sleep for as long as an answer says."""
        server = self.serve(rude_server.answer(
            b'HTTP/1.1 413 Later\r\nRetry-After: 99999\r\n'
            b'Content-Type: application/json\r\n'
            b'Content-Length: 17\r\n\r\n{"message": "no"}'))
        self.assertRaises(lib_exc.OverLimit,
                          self.client(server.url).get, '/usages')
        # What gives a host back reads it, and waits for so long itself.
        server = self.serve(rude_server.answer(
            b'HTTP/1.1 429 Later\r\nRetry-After: 99999\r\n'
            b'Content-Length: 0\r\n\r\n'))
        error = self.assertRaises(lib_exc.RestClientException,
                                  self.client(server.url).get, '/usages')
        self.assertEqual('99999', error.resp['retry-after'])

    def test_what_was_written_is_not_sent_again(self):
        broken = urllib3.exceptions.SSLError('bad record mac')
        self.assertRaises(
            urllib3.exceptions.MaxRetryError, transport._RETRIES.increment,
            'POST', '/', error=broken)


class HostileWordsTest(base.TestCase):
    """What others write never reaches a log or a failure as it is."""

    def setUp(self):
        super().setUp()
        self.useFixture(transport.BoundedFixture())

    def test_message_of_an_error(self):
        message = '\x1b[2Jno\x07 \u202esuch\x9b thing'
        for status, body in (
                (500, json.dumps({'computeFault': {'message': message}})),
                (404, json.dumps({'error': {'message': message}})),
                (409, json.dumps({message: [message, None, 1.5, True]})),
                (503, '<h1>%s</h1>' % message)):
            server = self.useFixture(rude_server.RudeServer(
                rude_server.answer(
                    b'HTTP/1.1 %d Bad\r\nContent-Type: %s\r\n\r\n' % (
                        status, b'text/html' if status == 503
                        else b'application/json') + body.encode())))
            client = placement.PlacementClient(
                types.SimpleNamespace(
                    base_url=lambda filters, url=server.url: url,
                    auth_request=lambda method, path, headers, body, filters,
                    url=server.url: (url + path, headers, body)),
                'placement', 'RegionOne')
            failed = self.assertRaises(
                lib_exc.RestClientException, client.get, '/usages')
            words = str(failed).replace('\n', '')
            self.assertTrue(words.isprintable(), ascii(words))

    def test_lines_of_a_log(self):
        log = self.useFixture(fixtures.FakeLogger(level=logging.DEBUG))
        logging.getLogger('any').info('host %s is\x07', '\x1b[2J\ra')
        self.assertEqual('host \\x1b[2J\\ra is\\x07\n', log.output)
