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

"""Wrong options and wrong worlds, each with the line that the user sees."""

import dataclasses
import datetime
import errno
import json
import os
import re
import subprocess
import sys

import fixtures
from tempest.lib import exceptions as lib_exc
import testtools
from testtools import content
from testtools import matchers
from testtools import testcase

from local_delete_tempest_plugin.cloud import admin as admins
from local_delete_tempest_plugin.cloud import transport
from local_delete_tempest_plugin.cmd import base as command_base
from local_delete_tempest_plugin.cmd import preflight
from local_delete_tempest_plugin.cmd import recover
from local_delete_tempest_plugin.cmd import stage
from local_delete_tempest_plugin.cmd import verify
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import run
from local_delete_tempest_plugin.scenario import test_local_delete
from local_delete_tempest_plugin.tests.unit import base
from local_delete_tempest_plugin.tests.unit import fake_cloud
from local_delete_tempest_plugin.tests.unit import fake_edge
from local_delete_tempest_plugin.tests.unit import rude_server
from local_delete_tempest_plugin.tests.unit import sandbox
from local_delete_tempest_plugin.tests.unit.upgrade import stage_case

PREFLIGHT, RECOVER = 'tempest local-delete preflight', (
    'tempest local-delete recover')
STAGE, VERIFY = 'tempest local-delete stage', 'tempest local-delete verify'
SCENARIO, OUTAGE = 'a scenario', 'an outage'

MINUTE = datetime.timedelta(minutes=1)

# What stands for {c}, {k}, {s} and {j} in the lines below.
WORDS = {
    'k': r'POST https?://\S+/v3/auth/tokens: ',
    's': r'GET https://compute.test/os-services\?binary=nova-compute: ',
    'j': r'journal \S+.journal',
}


@dataclasses.dataclass(frozen=True)
class Row:
    """One thing that is wrong.

    :param what: It, in words.
    :param where: What the user does: a command, or a test that runs.
    :param line: A line that the user sees, whole, as a regular expression.
    :param code: The exit code.
    :param options: What is wrong in tempest.conf: {group: {option: value}}.
    :param world: Callable of the ``Sandbox`` that makes the rest wrong.
    """

    what: str
    where: str
    line: str
    code: int = 1
    options: dict = dataclasses.field(default_factory=dict)
    world: object = None
    arguments: tuple = ()


def options(**wrong):
    return {'local_delete': wrong}


def journal_of(*lines, mode=0o600, text=None):
    """Make a world with the journal of an abandoned run."""
    def spoil(box):
        path = box.leave_journal(*lines)
        if text is not None:
            path.write_text(text)
        path.chmod(mode)
    return spoil


def leave_fifo(box):
    box.leave_journal().unlink()
    os.mkfifo(box.journals / 'x.journal', 0o600)


def stage_of(text):
    """Make a world with the file of a stage."""
    return lambda box: (box.folder / 'stage.json').write_text(text)


def instead_of(path, status=200, body=b'{}', headers=None):
    """Make a world in which the answers from one path are others."""
    def spoil(box):
        def answer(method, url):
            if re.search(path, url):
                return transport.Response(url, status, dict({
                    'Content-Type': 'application/json',
                    'X-Subject-Token': 't'}, **headers or {})), body
        box.edge.before_answer = answer
    return spoil


def changed(path, **fields):
    """Make a world in which a service of Nova has other fields."""
    def spoil(box):
        shown = box.edge.cloud._shown(box.edge.cloud.services[0])
        shown.update(fields)
        instead_of(path, body=json.dumps({'services': [
            {name: value for name, value in shown.items()
             if value is not ...}]}).encode(),
            headers={'X-OpenStack-Nova-API-Version': '2.53'})(box)
    return spoil


def keystone(story, tls=False, scheme=None, within=60):
    """Make a world in which a rude server is in Keystone's place.

    :param within: Seconds for a request. Only a story without an end needs
        few, because a busy machine takes seconds for a handshake.
    """
    def spoil(box):
        server = box.useFixture(rude_server.RudeServer(story, tls=tls))
        url = server.url if scheme is None else (
            '%s://127.0.0.1:%d' % (scheme, server.port))
        box.set('identity', uri_v3=url + '/v3')
        box.edge.is_real = True
        box.set('local_delete', request_timeout=within)
    return spoil


def patched(thing, name, value):
    def spoil(box):
        box.patches.append(fixtures.MockPatchObject(thing, name, value))
    return spoil


def edge(**attributes):
    def spoil(box):
        vars(box.edge).update(attributes)
    return spoil


def no_endpoint(service):
    def spoil(box):
        del box.edge.catalog[service]
    return spoil


def full_disk(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


FULL = rude_server.HEAD + b'Content-Length: 2\r\n\r\n{}'

ROWS = (
    # tempest.conf
    Row('no tempest.conf', RECOVER,
        r'{c}: Invalid Configuration Details: there is no tempest.conf: '
        r'give --config-file or --workspace, or set TEMPEST_CONFIG_DIR to '
        r'where it is',
        world=lambda box: setattr(
            box, 'conf', box.folder / 'nowhere' / 'tempest.conf')),
    Row('an empty tempest.conf', RECOVER,
        r'{c}: .*: \[auth\] admin_username is not set',
        world=lambda box: setattr(box, 'text', '')),
    Row('a tempest.conf that cannot be parsed', RECOVER,
        r"{c}: Failed to parse \S+/tempest.conf: at \S+:2, No ':' or '=' "
        r"found in assignment: 'nonsense'",
        world=lambda box: setattr(box, 'text', '[DEFAULT]\nnonsense\n')),
    Row('a tempest.conf that cannot be read', RECOVER,
        r'{c}: .*: tempest.conf is not a text file: .* byte 0xff in '
        r'position 0: .*',
        world=lambda box: box.conf.write_bytes(b'\xff\xfe')),
    Row('a negative limit', PREFLIGHT,
        r'{c}: option delete_timeout in \S+/tempest.conf: Should be '
        r'greater than or equal to 1',
        options=options(
            delete_timeout=-1)),
    Row('a limit of 0', PREFLIGHT,
        r'{c}: option command_timeout in \S+/tempest.conf: Should be '
        r'greater than or equal to 1',
        options=options(command_timeout=0)),
    Row('a limit that is no number', PREFLIGHT,
        r'{c}: option heal_timeout in \S+/tempest.conf: invalid literal '
        r"for int\(\) with base 10: 'soon'",
        options=options(heal_timeout='soon')),
    Row('a negative number of hosts', PREFLIGHT,
        r'{c}: option min_other_hosts in \S+/tempest.conf: Should be '
        r'greater than or equal to 0',
        options=options(min_other_hosts=-1)),
    Row('neither yes nor no', PREFLIGHT,
        r'{c}: option fence_host in \S+/tempest.conf: Unexpected boolean '
        r"value 'perhaps'",
        options=options(fence_host='perhaps')),
    Row('a misspelt defect', PREFLIGHT,
        r"{c}: option known_bugs in \S+/tempest.conf: 'auot' is no known "
        r'defect: write auto, a release \(2025.1, .*\), or a name that '
        r'"tempest local-delete findings" lists \(auto\?\)',
        options=options(known_bugs='auot,volume-left-in-build')),
    Row('limits that cannot work together', PREFLIGHT,
        r'poll_interval_start,fail,5 s, and poll_interval_max is 1 s,make '
        r'the first not larger than the second',
        options=options(poll_interval_start=5, poll_interval_max=1)),
    Row('a test timeout that is too short', PREFLIGHT,
        r'OS_TEST_TIMEOUT,warn,10 s, but the waits of a scenario may take '
        r'\d+ s,raise it, or lower the limits of the waits',
        code=0,
        world=lambda box: box.environment.update(OS_TEST_TIMEOUT='10')),
    Row('a test timeout that is no number', PREFLIGHT,
        r"OS_TEST_TIMEOUT,warn,'soon' is not a number, so no test has a "
        r'limit,set it to whole seconds',
        code=0,
        world=lambda box: box.environment.update(OS_TEST_TIMEOUT='soon')),
    # The target hosts
    Row('a host that does not exist', PREFLIGHT,
        r'host nowhere,fail,Nova has no compute service on this host,name '
        r'some of these hosts: cmp1, cmp2',
        options=options(target_hosts='cmp1,nowhere')),
    Row('no leave to take a host down', SCENARIO,
        r'\[local_delete\] allow_outages is False: set it to True where '
        r'the computes of target_hosts may be taken down',
        code=0,
        options=options(allow_outages='False')),
    Row('no host', SCENARIO,
        r'\[local_delete\] target_hosts is empty: name the hosts whose '
        r'compute service may be taken down',
        code=0, options=options(target_hosts='')),
    Row('no host, of many', PREFLIGHT,
        r'target hosts,fail,0 may be taken down now,free a host; .*',
        options=options(target_hosts=' , ,')),
    Row('a host twice', PREFLIGHT,
        r'target hosts,pass,1 may be taken down now,',
        code=0,
        options=options(target_hosts='cmp1, cmp1 ,')),
    Row('more other hosts than there are', PREFLIGHT,
        r'host cmp1,warn,host cmp1 may not be taken down: only 1 other '
        r'computes are up and enabled, and \[local_delete\] '
        r'min_other_hosts is 7 \[too-few-other-hosts\],'
        r'nothing; no scenario uses this host',
        options=options(min_other_hosts=7)),
    Row('more other hosts than there are, in a run', OUTAGE,
        r'host cmp1 may not be taken down: only 1 other computes are up '
        r'and enabled, and \[local_delete\] min_other_hosts is 7 '
        r'\[too-few-other-hosts\]',
        options=options(min_other_hosts=7)),
    # The commands
    Row('no {host} in a command', PREFLIGHT,
        r'compute_stop_command,fail,\[local_delete\] '
        r'compute_stop_command: has no {{host}}, so it would act on the '
        r'same machine whatever the host is,.*',
        options=options(compute_stop_command='systemctl stop nova-compute')),
    Row('another placeholder in a command', PREFLIGHT,
        r'compute_stop_command,fail,\[local_delete\] '
        r'compute_stop_command: has {{service}}, and what may stand there '
        r'is {{host}},.*',
        options=options(compute_stop_command='ssh {host} stop {service}')),
    Row('an unbalanced quote in a command', PREFLIGHT,
        r'compute_stop_command,fail,\[local_delete\] '
        r'compute_stop_command: cannot be split into words: No closing '
        r'quotation,.*',
        options=options(compute_stop_command='ssh {host} "stop')),
    Row('a command without its counterpart', PREFLIGHT,
        r'compute_start_command,fail,\[local_delete\] '
        r'compute_start_command: is not set,set both commands, or neither',
        options=options(compute_start_command=None)),
    Row('a command that is not there', PREFLIGHT,
        r'compute_stop_command,fail,/no/such/program,name a program that '
        r'can be run',
        options=options(compute_stop_command='/no/such/program {host}')),
    Row('a command that is not executable', PREFLIGHT,
        r'compute_stop_command,fail,/etc/passwd,name a program that can be '
        r'run',
        options=options(compute_stop_command='/etc/passwd {host}')),
    Row('a command that is not executable, in a run', OUTAGE,
        r'\[local_delete\] compute_stop_command: /etc/passwd: Permission '
        r'denied',
        options=options(compute_stop_command='/etc/passwd {host}')),
    Row('a command that fails', OUTAGE,
        r'\[local_delete\] compute_stop_command: sh exited with 5: no '
        r'such unit',
        options=options(
            compute_stop_command='sh -c "echo no such unit >&2; exit 5" '
            '{host}')),
    Row('a command that does not end', OUTAGE,
        r'\[local_delete\] compute_stop_command: sh did not end within 1 '
        r's \(command_timeout\)\. nova-compute 33.*',
        options=options(
            command_timeout=1,
            compute_stop_command="sh -c 'sleep 99' {host}")),
    Row('a command that is killed', OUTAGE,
        r'\[local_delete\] compute_stop_command: sh exited with -9: no '
        r'word on stderr',
        options=options(
            compute_stop_command="sh -c 'kill -9 $$$$' {host}")),
    Row('a host name with a ; in it', OUTAGE,
        r"\[local_delete\] compute_stop_command: 'cmp1; reboot' is not a "
        r'host name',
        options=options(target_hosts='cmp1; reboot'),
        world=lambda box: box.edge.cloud.add_compute('cmp1; reboot', 13)),
    Row('a host name with a space in it', OUTAGE,
        r"\[local_delete\] compute_stop_command: 'cmp 1' is not a host "
        r'name',
        options=options(target_hosts='cmp 1'),
        world=lambda box: box.edge.cloud.add_compute('cmp 1', 13)),
    Row('a host name that looks like an option', OUTAGE,
        r"\[local_delete\] compute_stop_command: '-oProxyCommand=x' is "
        r'not a host name',
        options=options(target_hosts='-oProxyCommand=x'),
        world=lambda box: box.edge.cloud.add_compute('-oProxyCommand=x', 13)),
    # The cloud's resources
    Row('no image', SCENARIO,
        r'Details: \[compute\] image_ref is not set',
        options={'compute': {'image_ref': None}}),
    Row('an image that is not there', PREFLIGHT,
        r'image,fail,GET \S+: Object not found .*,name another image '
        r'in \[compute\] image_ref',
        options={'compute': {'image_ref': 'ubuntu'}}),
    Row('an image name that is a path', PREFLIGHT,
        r'image,fail,GET \S+: Object not found .*,name another image '
        r'in \[compute\] image_ref',
        options={'compute': {'image_ref': '../../v3/users'}}),
    Row('a flavor that is not there', PREFLIGHT,
        r'flavor,fail,GET \S+: Object not found .*,name another flavor in '
        r'\[compute\] flavor_ref',
        options={'compute': {'flavor_ref': 'huge'}}),
    # Microversions
    Row('a range of microversions that is too low', SCENARIO,
        r'compute microversion 2.53 is needed, and \[compute\] '
        r'min_microversion = 2.1, max_microversion = 2.52 do not allow it',
        code=0,
        options={'compute': {'max_microversion': '2.52'}}),
    Row('a microversion that is none', SCENARIO,
        r'\S+InvalidAPIVersionString: API Version String newest is of '
        r'invalid format.*',
        options={'compute': {'max_microversion': 'newest'}}),
    Row('a Nova that is too old', PREFLIGHT,
        r'compute microversion 2.53,fail,the cloud offers up to 2.0,'
        r'upgrade the cloud: .*',
        world=instead_of(
            r'compute.test/$', body=b'{"versions": []}')),
    # Credentials
    Row('a wrong password', RECOVER,
        r'{c}: Unauthorized Details: Keystone refuses the admin of '
        r'tempest.conf \(\[auth\] admin_username and the options beside '
        r'it, or test_accounts_file\): The request you have made requires '
        r'authentication.',
        options={'auth': {'admin_password': 'guess'}}),
    Row('no password', RECOVER,
        r'{c}: .*: \[auth\] admin_password is not set',
        options={'auth': {'admin_password': None}}),
    Row('no password, in preflight', PREFLIGHT,
        r'admin,fail,.*: \[auth\] admin_password is not set,.*',
        options={'auth': {'admin_password': None}}),
    Row('an admin who is none', PREFLIGHT,
        r'admin,fail,has the roles member,give the admin .*',
        world=edge(roles=['member'])),
    Row('no Keystone', RECOVER,
        r'{c}: .*: \[identity\] uri_v3 is not set',
        options={'identity': {'uri_v3': None}}),
    Row('no URL for Keystone', RECOVER,
        r'{c}: option uri_v3 in \S+/tempest.conf: host, scheme were required '
        r'but missing',
        options={'identity': {'uri_v3': 'keystone.test'}}),
    Row('no Placement in the catalog', PREFLIGHT,
        r'endpoint placement,fail,the catalog has no public endpoint of type '
        r'placement in region RegionOne,add the .*',
        world=no_endpoint('placement')),
    Row('no Nova in the catalog', RECOVER,
        r'{c}: the catalog has no service of type compute \(region '
        r'RegionOne, public\)',
        world=no_endpoint('compute'), arguments=('--run', sandbox.RUN)),
    # Answers
    Row('an answer that is no JSON', RECOVER,
        r'{c}: .*: compute: cannot be looked for: {s}is not JSON. .*',
        world=instead_of(
            'os-services', body=b'<html>'), arguments=('--run', sandbox.RUN)),
    Row('an answer that is empty', RECOVER,
        r'{c}: .*: compute: cannot be looked for: {s}is not JSON. .*',
        world=instead_of(
            'os-services', body=b''), arguments=('--run', sandbox.RUN)),
    Row('an answer that lacks a field', PREFLIGHT,
        r"target hosts,fail,{s}\$.services\[0\]: 'forced_down' is a "
        r'required property,make .*',
        world=changed('os-services', forced_down=...)),
    Row('a number for a string', PREFLIGHT,
        r'target hosts,fail,{s}\$.services\[0\].host: 5 is not of type '
        r"'string',make .*",
        world=changed('os-services', host=5)),
    Row('a word that Nova does not have', PREFLIGHT,
        r'host cmp1,warn,host cmp1 may not be taken down: its compute service '
        r'is sideways \[not-up\],nothing; .*',
        world=changed('os-services', state='sideways')),
    Row('an answer that is nested too deeply', PREFLIGHT,
        r'target hosts,fail,{s}is nested too deeply,make .*',
        world=instead_of('os-services', body=b'[' * 100000)),
    Row('an answer of another service', PREFLIGHT,
        r"target hosts,fail,{s}\$: 'services' is a required property,make "
        r'.*',
        world=instead_of('os-services', body=b'{"volumes": []}')),
    Row('no Nova behind a proxy', PREFLIGHT,
        r'target hosts,fail,GET \S+: Unexpected response code received '
        r'Details: 503,call preflight again; .*',
        world=instead_of(
            'os-services', 503, b'<html>')),
    Row('a lock-out', PREFLIGHT,
        r'target hosts,fail,GET \S+: Request entity is too large Details: '
        r"{{'message': 5}},make .*",
        world=instead_of(
            'os-services', 413, b'{"message": 5}', {'Retry-After': '99999'})),
    Row('a Keystone of another kind', RECOVER,
        r'{c}: {k}answered 401, and not in JSON',
        world=instead_of(
            'auth/tokens', 401, b'<html>')),
    Row('a Keystone that is broken', RECOVER,
        r"{c}: {k}\$.error: 5 is not of type 'object'",
        world=instead_of(
            'auth/tokens', 500, b'{"error": 5}')),
    Row('a token without an end', RECOVER,
        r"{c}: {k}\$.token: 'expires_at' is a required property",
        world=instead_of(
            'auth/tokens', 201, b'{"token": {"user": {}}}')),
    # Connections
    Row('nobody listens', RECOVER,
        r'{c}: {k}no answer: Failed to establish a new connection: '
        r'.*Connection refused',
        world=lambda box: (
            box.set('identity', uri_v3='http://127.0.0.1:1/v3'),
            vars(box.edge).update(is_real=True))),
    Row('an answer of 10 MB', RECOVER,
        r'{c}: {k}the answer is longer than 8 MiB',
        world=keystone(
            rude_server.answer(
                rude_server.HEAD + b'Content-Length: 10485760\r\n\r\n'
                + b' ' * 10485760))),
    Row('an answer that never ends', RECOVER,
        r'{c}: {k}the answer is longer than 8 MiB',
        world=keystone(rude_server.flood)),
    Row('an answer that trickles', RECOVER,
        r'{c}: {k}no whole answer within 1 s',
        world=keystone(rude_server.trickle(rude_server.HEAD + b'\r\n'),
                       within=1)),
    Row('silence', RECOVER,
        r'{c}: {k}no whole answer within 1 s',
        world=keystone(rude_server.silence, within=1)),
    Row('a redirect to another host', RECOVER,
        r'{c}: {k}answered 307, a redirect to '
        r'https://evil.test/v3/auth/tokens, which is not followed because '
        r'it would be shown the token: put the right URL into the catalog '
        r'or tempest.conf',
        world=keystone(
            rude_server.redirect(307, 'https://evil.test/v3/auth/tokens'))),
    Row('a self-signed certificate', RECOVER,
        r'{c}: {k}its certificate is not to be trusted \(self.signed '
        r'certificate\): set \[identity\] ca_certificates_file to who '
        r'signed it',
        world=keystone(rude_server.answer(FULL), tls=True)),
    Row('http where TLS is expected', RECOVER,
        r'{c}: {k}no answer: .*(reset|closed).*',
        world=keystone(
            rude_server.answer(FULL), tls=True, scheme='http')),
    Row('https where no TLS is spoken', RECOVER,
        r'{c}: {k}it speaks no TLS, and the URL is https',
        world=keystone(
            rude_server.answer(FULL), scheme='https')),
    # The journals
    Row('a corrupt journal', RECOVER,
        r'{c}: .*: {j} is corrupt in line 2. .* recover --run 0123456789AB; '
        r'if that can never be undone: .*--dismiss 0123456789AB',
        world=journal_of('nonsense')),
    Row('a journal that is no text', RECOVER,
        r'{c}: {j} is corrupt in line 1, .* recover --run 0123456789AB; .*',
        world=lambda box: (
            box.leave_journal().write_bytes(b'\xff\xfe\n'))),
    Row('a journal that was cut short', RECOVER,
        r'Run,Change,What,Outcome',
        code=0, world=journal_of(
            text='{"version": 2, "run": "0123456789AB", "cl')),
    Row('a journal of a newer version', RECOVER,
        r'{c}: {j} is of version 5, and this plugin reads up to 4',
        world=journal_of(
            text='{"version": 5, "run": "0123456789AB", "cloud": "x"}\n')),
    Row('a journal that others may write', RECOVER,
        r'{c}: {j} has mode 660, so that others could have written it; '
        r'600 would be right',
        world=journal_of(mode=0o660)),
    Row('a journal of another user', RECOVER,
        r'{c}: {j} belongs to user id \d+, and this is 12345',
        world=lambda box: (
            journal_of()(box), patched(os, 'geteuid', lambda: 12345)(box))),
    Row('a journal that is a link', RECOVER,
        r'{c}: {j} cannot be opened \(Too many levels of symbolic links\)',
        world=lambda box: (
            box.leave_journal().rename(box.folder / 'elsewhere'),
            (box.journals / 'x.journal').symlink_to(
                box.folder / 'elsewhere'))),
    Row('a journal that is a directory', RECOVER,
        r'{c}: {j} (is no plain file|cannot be opened \(Is a directory\))',
        world=lambda box: (
            box.journals / 'x.journal').mkdir(parents=True)),
    Row('a journal that is a FIFO', RECOVER,
        r'{c}: {j} is no plain file',
        world=leave_fifo),
    Row('a journal of another cloud', RECOVER,
        r'0123456789AB,journal,\S+.journal,passed over: it is of another '
        r'cloud \(x\)',
        world=journal_of(
            text='{"version": 2, "run": "0123456789AB", "cloud": "x"}\n'
                 '{"intent": 1, "kind": "trait", "what": {"trait": "X"}}\n')),
    Row('a journal of another region', RECOVER,
        r'0123456789AB,journal,\S+.journal,passed over: it is of region R2, '
        r'and tempest.conf is of region RegionOne',
        world=journal_of(
            text='{"version": 3, "run": "0123456789AB", "cloud": {"uri": "x", '
                 '"region": "R2", "ids": ["%s"]}}\n' % fake_cloud.PROJECT)),
    Row('a directory that others may write', RECOVER,
        r'{c}: journal \S+/journals is a directory that has mode 777, so that '
        r'others could forge or remove journals: set \[local_delete\] '
        r'journal_dir to a directory that only you may write',
        world=lambda box: (
            box.leave_journal(), box.journals.chmod(0o777))),
    Row('an intent of an unknown kind', RECOVER,
        r"{c}: .*: {j} has an intent of unknown kind 'router'. .*",
        world=journal_of(
            {'intent': 1, 'kind': 'router', 'what': {}})),
    Row('an intent that lacks what is needed', RECOVER,
        r'{c}: .*: {j} has an intent of kind compute that cannot be '
        r"used: \$: '\w+' is a required property. .*",
        world=journal_of(
            {'intent': 1, 'kind': 'compute', 'what': {'outage': 'stopped'}})),
    Row('an intent of an outage that is none', RECOVER,
        r'{c}: .*: {j} has an intent of kind compute that cannot be '
        r"used: \$.\w+: .*('burnt' is not one of|required).*",
        world=journal_of(
            {'intent': 1, 'kind': 'compute', 'what': {
                'outage': 'burnt', 'reason': '', 'before': {},
                'target': {'host': 'cmp1'}}})),
    Row('a directory that is a file', RECOVER,
        r'{c}: journal \S+/journals cannot be read \(Not a directory\): see '
        r'\[local_delete\] journal_dir',
        world=lambda box: box.journals.write_text('')),
    Row('a directory that is a file, in a run', OUTAGE,
        r'journal \S+/journals cannot be written \(File exists\), so '
        r'nothing is changed',
        world=lambda box: box.journals.write_text('')),
    Row('a full disk', OUTAGE,
        r'journal \S+.journal cannot be written \(No space left on '
        r'device\), so nothing is changed',
        world=patched(os, 'fsync', full_disk)),
    # Runs
    Row('a run that is none', RECOVER,
        r"{c}: error: argument --run: 'x; rm' is no run id, which is 12 "
        r'hexadecimal digits',
        code=2,
        arguments=('--run', 'x; rm')),
    Row('a run that nobody knows', RECOVER,
        r'Run,Change,What,Outcome',
        code=0,
        arguments=('--run', 'abcdefabcdef')),
    Row('a journal that is not there', RECOVER,
        r'{c}: {j} is not there',
        arguments=('--dismiss', 'abcdefabcdef')),
    Row('a run that is to be undone and let go', RECOVER,
        r'{c}: error: argument --dismiss: not allowed with argument --run',
        code=2,
        arguments=('--run', 'abcdefabcdef', '--dismiss', 'abcdefabcdef')),
    Row('an argument that is none', RECOVER,
        r'{c}: error: unrecognized arguments: --force',
        code=2,
        arguments=('--force',)),
    # Clocks
    Row('a cloud 5 minutes ahead', PREFLIGHT,
        r'target hosts,pass,1 may be taken down now,',
        code=0,
        world=edge(clock=5 * MINUTE, pause=MINUTE / 10,
                   lifetime=8 * MINUTE)),
    Row('a cloud 5 minutes behind', PREFLIGHT,
        r'target hosts,pass,1 may be taken down now,',
        code=0,
        world=edge(clock=-5 * MINUTE, pause=MINUTE / 10,
                   lifetime=8 * MINUTE)),
    Row('tokens that live for a moment', PREFLIGHT,
        r'target hosts,pass,1 may be taken down now,',
        code=0,
        world=edge(pause=MINUTE / 20, lifetime=2 * MINUTE)),
    # Stages
    Row('a stage without leave to take a host down', STAGE,
        r'{c}: \[local_delete\] allow_outages is False: set it to True where '
        r'the computes of target_hosts may be taken down',
        options=options(allow_outages='False'), arguments=('stage.json',)),
    Row('a file of a stage that is there already', STAGE,
        r"{c}: \[Errno 17\] File exists: 'stage.json'",
        world=stage_of(''), arguments=('stage.json',)),
    Row('a stage for no day', STAGE,
        r".* argument --days: '0' is no number of days from 1 to 365",
        code=2, arguments=('stage.json', '--days', '0')),
    Row('no file of a stage', VERIFY,
        r"{c}: \[Errno 2\] No such file or directory: 'stage.json'",
        arguments=('stage.json',)),
    Row('a file that is of no stage', VERIFY,
        r'{c}: stage.json is no file of "tempest local-delete stage", or it '
        r'is damaged',
        world=stage_of('nonsense'), arguments=('stage.json',)),
    Row('a stage of a later version', VERIFY,
        r'{c}: stage.json is of version 2, and this plugin reads version 1',
        world=stage_of(stage_case.spoilt(version=2)),
        arguments=('stage.json',)),
    Row('a damaged file of a stage', VERIFY,
        r'{c}: stage.json is damaged: see \$.run',
        world=stage_of(stage_case.spoilt(run='x; rm')),
        arguments=('stage.json',)),
    Row('a stage of another cloud', VERIFY,
        r'{c}: stage 0123456789AB is not here: it is of another cloud '
        r'\(https://keystone.test/v3\)',
        world=stage_of(stage_case.spoilt(('cloud',), ids=['f' * 32])),
        arguments=('stage.json',)),
    Row('a stage that is gone', VERIFY,
        r'{c}: the user of stage 0123456789AB is gone: the stage was '
        r'verified, or recovered',
        world=stage_of(stage_case.spoilt()), arguments=('stage.json',)),
)


def act(row):
    """Do what the user does."""
    if row.where == SCENARIO:
        return sandbox.run_scenario(test_local_delete.LocalDeleteTest(
            'test_allocations_removed_by_api'))
    if row.where == OUTAGE:
        return take_down()
    command = {PREFLIGHT: preflight.Preflight, RECOVER: recover.Recover,
               STAGE: stage.Stage, VERIFY: verify.Verify}[row.where]
    return sandbox.run_command(
        command, row.where.partition(' ')[2], '-f', 'csv', '--quote', 'none',
        *row.arguments)


def take_down():
    """Stop the first target host, as a scenario does."""
    with transport.BoundedFixture(), admins.microversions():
        admin = command_base.find_admin()
        this_run = run.Run(sandbox.RUN)
        host = guard.CONF.local_delete.target_hosts[0]
        away = compute_outage.Stopped(
            admin, journal.Journal(this_run.id),
            guard.Guard(this_run, admin), admin.services.target_host(host))
        try:
            away.begin()
        except lib_exc.TempestException as error:
            print(error)
            return 1


class BadInputTest(testcase.WithAttributes, testtools.TestCase):
    """Each row is a test of its own; see the end of this module."""

    def check(self, row):
        box = self.useFixture(sandbox.Sandbox())
        for group, wrong in row.options.items():
            box.set(group, **wrong)
        if row.world:
            row.world(box)
        outcome = box.run(lambda: act(row))
        # csv escapes commas.
        outcome.lines[:] = [line.replace('\\,', ',') for line in outcome.lines]
        said = '\n'.join(outcome.lines)
        self.addDetail('said', content.text_content(said))
        self.assertThat(said, matchers.Not(matchers.Contains('Traceback')))
        self.assertEqual((row.code, []), (outcome.code, outcome.changes))
        line = row.line.format(c=row.where, **WORDS)
        self.assertTrue(
            any(re.fullmatch(line, shown) for shown in outcome.lines),
            '%s: no line of these is %s:\n%s' % (row.what, line, said))
        log = box.folder / 'tempest.log'
        for secret in (fake_edge.PASSWORD, fake_edge.TOKEN):
            self.assertNotIn(secret, said)
            self.assertNotIn(secret, log.read_text() if log.exists() else '')


class WholeCommandTest(testcase.WithAttributes, testtools.TestCase):
    """The same by the program that an operator calls."""

    def tempest(self, *arguments):
        folder = self.useFixture(fixtures.TempDir()).path
        done = subprocess.run(
            [sys.executable, '-m', 'tempest.cmd.main', 'local-delete',
             *arguments], cwd=folder, capture_output=True, text=True,
            env=dict(os.environ, HOME=folder, TEMPEST_CONFIG_DIR=folder))
        self.assertNotIn('Traceback', done.stderr)
        return done.returncode, done.stderr.splitlines()[-1]

    @base.slow
    def test_no_tempest_conf(self):
        self.assertEqual(
            (1, 'tempest local-delete recover: Invalid Configuration '
             'Details: there is no tempest.conf: give --config-file or '
             '--workspace, or set TEMPEST_CONFIG_DIR to '
             'where it is'), self.tempest('recover'))

    @base.slow
    def test_run_that_is_none(self):
        code, line = self.tempest('recover', '--run', 'x; rm')
        self.assertEqual(2, code)
        self.assertIn("argument --run: 'x; rm' is no run id", line)


def make_test(row):
    return lambda self: self.check(row)


def add_tests():
    """Make a test of each row, so that each says by itself what fails."""
    for row in ROWS:
        name = 'test_' + re.sub(r'\W+', '_', row.what).strip('_')
        assert not hasattr(BadInputTest, name), name
        setattr(BadInputTest, name, base.slow(make_test(row)))


add_tests()
