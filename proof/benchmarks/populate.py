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

"""Fill the databases with the rows of a large cloud.

Rows of many computes and servers go into the databases of Nova and Placement.
Each row is a copy of a row that Nova or Placement wrote. The command creates
one server and copies its rows and those of its host. Then it deletes the
server. So the APIs read the copies as they read any other row.

Real are the answers of the APIs about these computes and servers, and the time
of these answers. The database sends the heartbeats, so Nova sees the computes
as up.

No process runs for these computes. A request that Nova passes on to one of
them gets no answer. The servers have no port, no volume and no recorded
action. Keystone does not know their projects and users.

"populate --remove" takes the rows away, and so does "down". Neither "up" nor
"status" nor a trial knows such a cloud, so use none of them before.
"""

import argparse
import collections.abc
import contextlib
import dataclasses
import time

import pymysql

from allinone import api
from allinone import deployment
from allinone import errors
from allinone import readiness

# A project of the all-in-one that has no admin.
_TENANT = 'member2'

#: How the names of the computes begin.
HOSTS = 'populated-'

# The first of all ids. No random id begins like this.
_MARK = '5ca1e000-0000-4000-'
_HOST_MARK = _MARK + '8000-'
_SERVER_MARK = _MARK + '9000-'

_PROJECTS = 100

# Seconds. Nova takes a service for down after 8 of them (nova.conf).
_HEARTBEAT = 2
_LIMIT = 120

_EVENT = 'nova_cell1.populated_heartbeats'


@dataclasses.dataclass(frozen=True)
class Copies:
    """Rows that are copied, and what differs in the copies.

    :param table: the table, with its database
    :param model: an SQL condition that selects the rows to copy
    :param count: how many copies of each of these rows
    :param changed: {column: SQL expression of its value in the copy whose
        number is ``seq``, from 1 on}
    :param ours: an SQL condition that selects all copies
    """

    table: str
    model: str
    count: int
    changed: dict[str, str]
    ours: str

    def insert(self, columns: collections.abc.Iterable[str]) -> str:
        """Return the statement that copies the rows.

        :param columns: the columns of the table, without one that the
            database numbers
        :raises ValueError: the table lacks a column that should change
        """
        columns = list(columns)
        missing = self.changed.keys() - set(columns)
        if missing:
            raise ValueError(
                f'{self.table} has no column {", ".join(sorted(missing))}')
        database = self.table.partition('.')[0]
        names = ', '.join(f'`{column}`' for column in columns)
        values = ', '.join(self.changed.get(column, f'model.`{column}`')
                           for column in columns)
        # A table of MariaDB's engine SEQUENCE has the numbers of its name.
        return (f'INSERT INTO {self.table} ({names}) SELECT {values} '
                f'FROM {self.table} AS model '
                f'JOIN {database}.seq_1_to_{self.count} WHERE {self.model}')

    def delete(self) -> str:
        """Return the statement that deletes all copies."""
        return f'DELETE FROM {self.table} WHERE {self.ours}'


@dataclasses.dataclass(frozen=True)
class Model:
    """The server and the host whose rows are copied."""

    server: str
    project: str
    host: str
    provider: str


def _id(mark, number):
    return f"CONCAT('{mark}', LPAD(LOWER(HEX({number})), 12, '0'))"


def _host(number):
    return f"CONCAT('{HOSTS}', LPAD({number}, 5, '0'))"


def _project(number):
    return _id(_MARK + 'a000-', number).replace('-', '')


def _marked(column, mark=_MARK):
    return f"{column} LIKE '{mark}%'"


def nova_copies(model: Model, computes: int, servers: int) -> list[Copies]:
    """Return what to copy in Nova's databases, in the order of its inserts.

    :param computes: count of the computes
    :param servers: count of the servers
    """
    here = 'seq'
    # The servers go round the hosts.
    there = f'((seq - 1) % {computes} + 1)'
    running = f'(({servers} + {computes} - seq) DIV {computes})'
    server = _id(_SERVER_MARK, 'seq')
    project = _project(f'(seq % {_PROJECTS})')
    of_server = f"model.instance_uuid = '{model.server}'"

    def beside(table, **changed):
        return Copies(table, of_server, servers,
                      {'instance_uuid': server, **changed},
                      _marked('instance_uuid'))

    return [
        Copies('nova_cell1.services',
               f"model.host = '{model.host}' AND model.deleted = 0 "
               "AND model.`binary` = 'nova-compute'", computes, {
                   'uuid': _id(_HOST_MARK, here), 'host': _host(here),
                   'disabled': '0', 'disabled_reason': 'NULL',
                   'forced_down': '0', 'last_seen_up': 'UTC_TIMESTAMP()'},
               _marked('uuid')),
        Copies('nova_cell1.compute_nodes',
               f"model.host = '{model.host}' AND model.deleted = 0",
               computes, {
                   'uuid': _id(_HOST_MARK, here), 'host': _host(here),
                   'hypervisor_hostname': _host(here), 'mapped': '1',
                   'service_id': 'IF(model.service_id IS NULL, NULL, '
                   '(SELECT service.id FROM nova_cell1.services AS service '
                   f'WHERE service.uuid = {_id(_HOST_MARK, here)}))',
                   'running_vms': running}, _marked('uuid')),
        Copies('nova_api.host_mappings', f"model.host = '{model.host}'",
               computes, {'host': _host(here)}, _marked('host', HOSTS)),
        Copies('nova_cell1.instances', f"model.uuid = '{model.server}'",
               servers, {
                   'uuid': server, 'host': _host(there),
                   'node': _host(there), 'launched_on': _host(there),
                   'compute_id': '(SELECT node.id '
                   'FROM nova_cell1.compute_nodes AS node '
                   f'WHERE node.uuid = {_id(_HOST_MARK, there)})',
                   'hostname': "CONCAT('populated-server-', seq)",
                   'display_name': "CONCAT('populated-server-', seq)",
                   'reservation_id': "CONCAT('r-', LPAD(HEX(seq), 8, '0'))",
                   'project_id': project, 'user_id': project},
               _marked('uuid')),
        beside('nova_cell1.instance_extra'),
        beside('nova_cell1.instance_info_caches'),
        beside('nova_cell1.instance_system_metadata'),
        beside('nova_cell1.block_device_mapping', uuid=server),
        beside('nova_api.instance_mappings', project_id=project,
               user_id=project),
        beside('nova_api.request_specs', spec=(
            f"REPLACE(REPLACE(model.spec, '{model.server}', {server}), "
            f"'{model.project}', {project})")),
    ]


def placement_copies(model: Model, computes: int,
                     servers: int) -> list[Copies]:
    """Return what to copy in Placement's database, as ``nova_copies``."""
    def provider(mark):
        return ('(SELECT one.id FROM placement.resource_providers AS one '
                f'WHERE one.uuid = {mark})')

    here = provider(_id(_HOST_MARK, 'seq'))
    there = provider(_id(_HOST_MARK, f'((seq - 1) % {computes} + 1)'))
    model_provider = provider(f"'{model.provider}'")
    of_provider = f'model.resource_provider_id = {model_provider}'
    on_ours = ('resource_provider_id IN (SELECT one.id FROM '
               'placement.resource_providers AS one '
               f'WHERE {_marked("one.uuid")})')
    project = _project(f'(seq % {_PROJECTS})')

    def owner(table):
        # Each owner has been copied once, from whichever comes first.
        return Copies(
            f'placement.{table}',
            f'model.id = (SELECT MIN(one.id) FROM placement.{table} AS one)',
            _PROJECTS, {'external_id': project},
            _marked('external_id', _MARK.replace('-', '')))

    return [
        Copies('placement.resource_providers',
               f"model.uuid = '{model.provider}'", computes, {
                   'uuid': _id(_HOST_MARK, 'seq'), 'name': _host('seq'),
                   'root_provider_id': 'NULL'}, _marked('uuid')),
        Copies('placement.inventories', of_provider, computes,
               {'resource_provider_id': here}, on_ours),
        Copies('placement.resource_provider_traits',
               f'{of_provider} AND model.trait_id NOT IN (SELECT one.id '
               'FROM placement.traits AS one '
               "WHERE one.name LIKE 'CUSTOM\\_%' "
               "OR one.name = 'COMPUTE_STATUS_DISABLED')", computes,
               {'resource_provider_id': here}, on_ours),
        owner('projects'),
        owner('users'),
        Copies('placement.consumers', f"model.uuid = '{model.server}'",
               servers, {
                   'uuid': _id(_SERVER_MARK, 'seq'),
                   **{f'{kind}_id': f'(SELECT one.id FROM placement.{kind}s '
                      f'AS one WHERE one.external_id = {project})'
                      for kind in ('project', 'user')}}, _marked('uuid')),
        Copies('placement.allocations',
               f"model.consumer_id = '{model.server}'", servers, {
                   'consumer_id': _id(_SERVER_MARK, 'seq'),
                   'resource_provider_id': there}, _marked('consumer_id')),
    ]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options of the command."""
    add_counts(parser)
    parser.add_argument('--remove', action='store_true',
                        help='take the rows away again')


def add_counts(parser: argparse.ArgumentParser) -> None:
    """Add the options that tell how large the cloud becomes."""
    parser.add_argument('--computes', type=int, default=1000, metavar='N',
                        help='count of the computes (default: 1000)')
    parser.add_argument('--servers', type=int, default=50000, metavar='N',
                        help='count of the servers (default: 50000)')


def check_counts(arguments: argparse.Namespace) -> None:
    """Refuse counts that cannot be.

    :param arguments: what a parser with ``add_counts`` returned
    :raises BadInput: with the option
    """
    for name, count, most in (('computes', arguments.computes, 99999),
                              ('servers', arguments.servers, 9999999)):
        if not 1 <= count <= most:
            raise errors.BadInput(f'--{name} {count} is not from 1 to {most}')


def run(cloud: deployment.Deployment, arguments: argparse.Namespace) -> int:
    """Fill the databases, or empty them, and return the exit code."""
    began = time.monotonic()
    if arguments.remove:
        words = remove(cloud)
    else:
        check_counts(arguments)
        words = populate(cloud, arguments.computes, arguments.servers)
    print(f'{words} in {time.monotonic() - began:.0f} s')
    return 0


def populate(cloud: deployment.Deployment, computes: int,
             servers: int) -> str:
    """Fill the databases, and wait until the APIs show all of it.

    :param computes: count of the computes
    :param servers: count of the servers
    :returns: What was done, in words.
    :raises BadInput: the cloud was filled before
    :raises StepFailed: the APIs do not show what is in the databases
    """
    admin = api.Admin(cloud)
    if _hosts(admin):
        raise errors.BadInput('The cloud is filled already: '
                              'run "populate --remove" first')
    with _model(cloud, admin) as model:
        with _connected(cloud, 'nova') as nova, _connected(
                cloud, 'placement') as placement:
            _insert(nova, nova_copies(model, computes, servers))
            _insert(placement, placement_copies(model, computes, servers))
            placement.execute(
                'UPDATE placement.resource_providers '
                'SET root_provider_id = id WHERE root_provider_id IS NULL')
    with _connected(cloud, 'nova') as nova:
        # Nova takes a service for down whose heartbeat is from the future.
        nova.execute(
            f'CREATE EVENT {_EVENT} ON SCHEDULE EVERY {_HEARTBEAT} SECOND '
            'DO UPDATE nova_cell1.services SET report_count = report_count '
            '+ 1, last_seen_up = UTC_TIMESTAMP(), updated_at = '
            f'UTC_TIMESTAMP() WHERE {_marked("uuid")}')
    readiness.wait(f'{computes} populated computes that are up',
                   lambda: list(_hosts(admin).values()) == ['up'] * computes,
                   _LIMIT)
    _check_last(admin, computes, servers)
    return f'{computes} computes and {servers} servers are there'


def remove(cloud: deployment.Deployment) -> str:
    """Take all rows away that ``populate`` has made.

    :returns: What was done, in words.
    """
    nothing = Model('', '', '', '')
    with _connected(cloud, 'nova') as nova:
        nova.execute(f'DROP EVENT IF EXISTS {_EVENT}')
        for copies in reversed(nova_copies(nothing, 1, 1)):
            nova.execute(copies.delete())
    with _connected(cloud, 'placement') as placement:
        placement.execute('UPDATE placement.resource_providers SET '
                          f'root_provider_id = NULL WHERE {_marked("uuid")}')
        for copies in reversed(placement_copies(nothing, 1, 1)):
            placement.execute(copies.delete())
    return 'The rows are away'


@contextlib.contextmanager
def _connected(cloud: deployment.Deployment, user):
    """Give a cursor, whose changes are all made if the body succeeds."""
    try:
        connection = pymysql.connect(
            host='127.0.0.1', port=cloud.ports['mariadb'], user=user,
            password=cloud.passwords[user])
        with contextlib.closing(connection), connection.cursor() as cursor:
            # The rows that are copied stay free: a compute writes its
            # heartbeat.
            cursor.execute('SET SESSION TRANSACTION ISOLATION LEVEL '
                           'READ COMMITTED')
            yield cursor
            connection.commit()
    except pymysql.MySQLError as error:
        raise errors.StepFailed(
            f'MariaDB: {error.args[-1]} (rows of an earlier "populate" go '
            'with "populate --remove")')


def _insert(cursor, all_copies):
    for copies in all_copies:
        cursor.execute(f'SHOW COLUMNS FROM {copies.table} '
                       "WHERE Extra NOT LIKE '%auto_increment%'")
        columns = [row[0] for row in cursor.fetchall()]
        if not cursor.execute(copies.insert(columns)):
            raise errors.StepFailed(f'{copies.table} has no row to copy')


@contextlib.contextmanager
def _model(cloud: deployment.Deployment, admin):
    """Create a server, give its ids, and delete it after the body."""
    tenant = api.Admin(cloud, _TENANT, project=_TENANT)
    image = tenant.image.get('/v2/images').json()['images'][0]['id']
    flavor = tenant.compute.get('/flavors').json()['flavors'][0]['id']
    server = tenant.compute.post('/servers', json={'server': {
        'name': 'model', 'imageRef': image, 'flavorRef': flavor,
        'networks': 'none'}}).json()['server']['id']

    def show():
        return admin.compute.get(f'/servers/{server}').json()['server']

    try:
        readiness.wait('the model server to be built',
                       lambda: show()['status'] != 'BUILD', _LIMIT)
        shown = show()
        if shown['status'] != 'ACTIVE':
            raise errors.StepFailed('The model server became '
                                    f'{shown["status"]}: see nova-compute')
        host = cloud.fake_hosts[0]
        provider = admin.placement.get(
            '/resource_providers', params={'name': host}).json()[
                'resource_providers'][0]['uuid']
        yield Model(server, shown['tenant_id'], host, provider)
    finally:
        tenant.compute.delete(f'/servers/{server}')


def _hosts(admin):
    """Return {populated host: state of its service, as Nova has it}."""
    return {one['host']: one['state'] for one in api.compute_services(admin)
            if one['host'].startswith(HOSTS)}


def _check_last(admin, computes, servers):
    """Compare the last server with what the APIs show of it."""
    server = f'{_SERVER_MARK}{servers:012x}'
    number = (servers - 1) % computes + 1
    shown = admin.compute.get(f'/servers/{server}').json()['server']
    held = admin.placement.get(f'/allocations/{server}').json()['allocations']
    seen = shown['OS-EXT-SRV-ATTR:host'], shown['status'], list(held)
    expected = (f'{HOSTS}{number:05}', 'ACTIVE',
                [f'{_HOST_MARK}{number:012x}'])
    if seen != expected:
        raise errors.StepFailed(f'Server {server} should be {expected} '
                                f'and is {seen}')
