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

"""Undo what a dead run had in mind, whether or not it came to it.

Every undo looks first, and finds nothing to do where the change was never
made or is undone already. Whatever is deleted carries the run's id in its
name, so nothing of anyone else is ever touched.
"""

import dataclasses
import pathlib
import re

import jsonschema
from oslo_concurrency import lockutils
from oslo_log import log as logging
from tempest import config
from tempest.lib.common.utils import test_utils
from tempest.lib import exceptions as lib_exc

from local_delete_tempest_plugin.cloud import compute_services
from local_delete_tempest_plugin.common import retries
from local_delete_tempest_plugin.common import waiters
from local_delete_tempest_plugin import exceptions
from local_delete_tempest_plugin.outages import compute as compute_outage
from local_delete_tempest_plugin.outages import placement as placement_outage
from local_delete_tempest_plugin.outages import scheduler as scheduler_outage
from local_delete_tempest_plugin.recovery import journal
from local_delete_tempest_plugin.recovery import run_resources
from local_delete_tempest_plugin.safety import guard
from local_delete_tempest_plugin.safety import lease
from local_delete_tempest_plugin.safety import run

CONF = config.CONF
LOG = logging.getLogger(__name__)

_OUTAGES = {outage.__name__: outage for outage in (
    compute_outage.ForcedDown, compute_outage.Stopped,
    compute_outage.Unnoticed, compute_outage.Frozen,
    compute_outage.Unknown, compute_outage.ServiceDeleted,
    compute_outage.Attempt, compute_outage.Disabled)}

# The tasks of a server that is being deleted; the second one where the cloud
# reclaims.
_DELETING = ('deleting', 'soft-deleting')


def _exactly(**fields):
    return {'type': 'object', 'properties': fields,
            'required': sorted(fields), 'additionalProperties': False}


_TEXT = {'type': 'string', 'minLength': 1}
_TEXT_OR_NULL = {'type': ['string', 'null']}

# What each kind of intent says, so that half an undo is none.
_WHAT = {
    'compute': _exactly(
        outage={'enum': sorted(_OUTAGES)}, reason=_TEXT_OR_NULL,
        target=_exactly(host=_TEXT, provider_id=_TEXT, provider_name=_TEXT),
        before=_exactly(
            id=_TEXT, host=_TEXT, state=_TEXT, status=_TEXT,
            disabled_reason=_TEXT_OR_NULL, forced_down={'type': 'boolean'},
            updated_at=_TEXT_OR_NULL)),
    'placement': _exactly(answer=_TEXT),
    'scheduler': _exactly(hosts={'type': 'array', 'items': _TEXT}),
    'quota': _exactly(project_id=_TEXT, instances={'type': 'integer'}),
    'server': _exactly(name=_TEXT),
    'servers': _exactly(name=_TEXT),
    'migration': _exactly(migration=_TEXT, server=_TEXT),
    'consumer': _exactly(consumer=_TEXT),
    'belonging': _exactly(
        belonging={'enum': list(run_resources.Belongings.KINDS)}, name=_TEXT),
    'lease': _exactly(provider_id=_TEXT, trait=_TEXT),
    'flavor': _exactly(name=_TEXT),
    'trait': _exactly(trait=_TEXT),
    'credentials': _exactly(run_id=_TEXT),
}


class Recovery:
    """Undoes the intents of journals.

    :param admin: An ``admin.Admin``.
    """

    def __init__(self, admin):
        self._admin = admin
        self._belongings = run_resources.Belongings(admin.manager)
        self._retrier = retries.Retrier(admin.renew_token)
        self._undo = {
            'compute': self._undo_compute,
            'placement': self._undo_placement,
            'scheduler': self._undo_scheduler,
            'quota': self._undo_quota,
            'server': self._undo_server,
            'servers': self._undo_servers,
            'migration': self._undo_migration,
            'consumer': self._undo_consumer,
            'belonging': self._undo_belonging,
            'lease': self._undo_lease,
            'flavor': self._undo_flavor,
            'trait': self._undo_trait,
            'credentials': self._undo_credentials,
        }

    def find_in_cloud(self, run_id):
        """Find what carries a run's id in the cloud, without its journal.

        :param run_id: Id of a run that is known to be dead.
        :returns: A ``journal.DeadJournal`` that has no file.
        """
        this_run = run.Run(run_id)
        self._need_placement()
        intents = []
        projects, users = self._identities(this_run)
        if projects or users:
            intents.append(('credentials', {'run_id': run_id}))
        trait = this_run.trait
        leased = lease.Lease(self._admin, trait)
        holders = []
        if leased.trait_exists():
            intents.append(('trait', {'trait': trait}))
            holders = leased.providers()
        self._refuse_unfenced(this_run, holders)
        intents += [
            ('flavor', {'name': flavor['name']})
            for flavor in self._admin.flavors()
            if this_run.name in flavor['name']]
        intents += [
            ('lease', {'provider_id': holder, 'trait': trait})
            for holder in holders]
        intents += [
            ('belonging', {'belonging': kind, 'name': name})
            for kind, name in sorted(self._belongings.find(this_run.name))]
        servers = self._servers_with_anything(this_run)
        intents += [
            ('consumer', {'consumer': consumer})
            for consumer in self._consumers_of(projects)
            if consumer not in servers]
        intents += [('server', {'name': name})
                    for name in sorted(set(servers.values()))]
        intents += [
            ('compute', self._fenced(service))
            for service in self._admin.services.list()
            if run.fenced_by(service.disabled_reason) == run_id]
        return journal.DeadJournal(None, run_id, [
            journal.Intent(number, kind, what)
            for number, (kind, what) in enumerate(intents, 1)])

    def _need_placement(self):
        outage = placement_outage.PlacementStopped
        stopped = outage.resume(self._admin, outage.REFUSED)
        seen = stopped.probe()
        if seen != stopped.ANSWERS:
            raise exceptions.RestoreFailed(
                what='Placement', problem=seen, remedy=stopped.remedy())

    def _servers_with_anything(self, this_run):
        """Name the run's servers that live, or hold something though deleted.

        :returns: {id: name}.
        """
        found = {}
        for deleted in (False, True):
            for server in self._servers(this_run.name, deleted):
                if not deleted or self._admin.placement.list_allocations(
                        server['id'])['allocations']:
                    found[server['id']] = server['name']
        return found

    def _consumers_of(self, projects):
        """Find what holds something of the target hosts for a run's projects.

        Nova hides the migrations of a server that is deleted, so that of what
        they hold Placement alone can tell. Projects that were there before the
        run have consumers of others, and are not looked at.

        :returns: A sorted list of UUIDs.
        """
        ids = {project['id'] for project in projects}
        placement = self._admin.placement
        if not any(any(placement.list_project_usages(one)['usages'].values())
                   for one in ids):
            return []
        return sorted(
            consumer for consumer in self._consumers_on_targets()
            if placement.list_allocations(consumer).get('project_id') in ids)

    def _consumers_on_targets(self):
        placement = self._admin.placement
        found = set()
        for service in self._admin.services.list():
            if not guard.is_target(service.host):
                continue
            try:
                target = self._admin.services.target_host(service.host)
            except exceptions.OutageRefused:
                continue
            for provider in placement.list_resource_providers(
                    in_tree=target.provider_id)['resource_providers']:
                found |= placement.list_provider_allocations(
                    provider['uuid'])['allocations'].keys()
        return found

    def _refuse_unfenced(self, this_run, holders):
        """Refuse to take a lease that is all that tells of a host's outage."""
        for service in self._admin.services.list():
            if run.fenced_by(service.disabled_reason) == this_run.id or (
                    service.state == 'up' and not service.forced_down):
                continue
            try:
                target = self._admin.services.target_host(service.host)
            except exceptions.OutageRefused:
                continue
            if target.provider_id in holders:
                raise exceptions.RestoreFailed(
                    what=str(target), problem='the run has leased it, and '
                    'without a fence nothing tells what else it changed: %s'
                    % service, remedy='%s; then this again' % (
                        compute_outage.ForcedDown.resume(
                            self._admin, target, None, service).remedy()))

    def _fenced(self, service):
        # The guard lets nothing be fenced but what is enabled and not forced
        # down. Whether the process was stopped too only a command can tell.
        kind = (compute_outage.Unknown
                if CONF.local_delete.compute_start_command
                else compute_outage.ForcedDown)
        return {'outage': kind.__name__,
                'target': dataclasses.asdict(
                    self._admin.services.target_host(service.host)),
                'reason': service.disabled_reason,
                'before': dataclasses.asdict(dataclasses.replace(
                    service, status='enabled', disabled_reason=None,
                    forced_down=False))}

    def recover_all(self, dead_runs):
        """Undo all that several dead runs had in mind.

        :param dead_runs: A list of ``journal.DeadJournal``; they are closed.
        :raises RestoreFailed: see ``recover``; all were tried, for a host
            that is gone for good must not keep those of other runs down.
        """
        failures = []
        for dead in dead_runs:
            try:
                self.recover(dead)
            except exceptions.RestoreFailed as error:
                failures.append(error)
        if len(failures) == 1:
            raise failures[0]
        if failures:
            raise exceptions.RestoreFailed(
                what='what %d runs changed' % len(failures),
                problem='; '.join(map(str, failures)),
                remedy='tempest local-delete recover')

    def recover(self, dead):
        """Undo all that a dead run had in mind, the last thing first.

        :param dead: A ``journal.DeadJournal``; it is closed.
        :raises RestoreFailed: something could not be undone; the rest was
            tried all the same.
        """
        problems = []
        for intent in reversed(dead.intents):
            LOG.warning('Undoing of dead run %s: %s', dead.run_id, intent)
            try:
                self.undo(intent)
            except Exception as error:
                # Whatever it is, what was changed before it is undone too.
                LOG.exception('Undoing %s', intent)
                problems.append(str(error))
        dead.close(recovered=not problems)
        if problems:
            raise exceptions.RestoreFailed(
                what='what run %s changed' % dead.run_id,
                problem='; '.join(problems),
                remedy='tempest local-delete recover')

    def undo(self, intent):
        """Undo one change, and prove it by reading back.

        :param intent: A ``journal.Intent``.
        :raises RestoreFailed: it could not be undone.
        :raises JournalUnusable: it is of a kind that this plugin lacks.
        """
        try:
            undo = self._undo[intent.kind]
            jsonschema.validate(intent.what, _WHAT[intent.kind])
        except KeyError:
            raise exceptions.JournalUnusable(
                path='', problem='has an intent of unknown kind %r' %
                intent.kind)
        except jsonschema.ValidationError as error:
            raise exceptions.JournalUnusable(
                path='', problem='has an intent of kind %s that cannot be '
                'used: %s: %s' % (
                    intent.kind, error.json_path, error.message))
        self._retrier.call(lambda: undo(**intent.what))

    def _undo_compute(self, outage, target, reason, before):
        _OUTAGES[outage].resume(
            self._admin, compute_services.TargetHost(**target), reason,
            compute_services.Service(**before)).restore()

    def _undo_placement(self, answer):
        placement_outage.PlacementStopped.resume(self._admin, answer).restore()

    def _undo_scheduler(self, hosts):
        scheduler_outage.SchedulerStopped.resume(self._admin, hosts).restore()

    def _undo_quota(self, project_id, instances):
        manager = self._admin.manager
        try:
            manager.projects_client.show_project(project_id)
        except lib_exc.NotFound:
            # Nova refuses to set one of a project that is gone.
            return
        manager.quotas_client.update_quota_set(project_id,
                                               instances=instances)

    def _undo_server(self, name):
        self._undo_all('^%s$' % re.escape(name))

    def _undo_servers(self, name):
        # Nova numbers those of one request, name-1, name-2 and so on, unless
        # it is for one alone.
        self._undo_all('^%s(-[0-9]+)?$' % re.escape(name))

    def _undo_all(self, names):
        servers = [server['id'] for server in self._servers(
            names, deleted=False)]
        # With a server its migrations are hidden, and what they hold is not.
        migrations = [migration['uuid'] for server in servers for migration
                      in self._admin.migrations(instance_uuid=server)]
        self._delete_servers(names)
        deleted = [server['id'] for server in self._servers(
            names, deleted=True)]
        remove_allocations(self._admin.placement, deleted + migrations)

    def _undo_migration(self, migration, server):
        self._undo_server(server)
        remove_allocations(self._admin.placement, [migration])

    def _undo_consumer(self, consumer):
        remove_allocations(self._admin.placement, [consumer])

    def _undo_belonging(self, belonging, name):
        self._belongings.delete(belonging, name)

    def _delete_servers(self, names):
        # Once its host is up, Nova heeds no further delete of a server whose
        # local delete failed half-way and that is in deleting ever since.
        for server in [
                server for task in _DELETING for server in self._servers(
                    names, deleted=False, task_state=task)]:
            test_utils.call_and_ignore_notfound_exc(
                self._admin.servers_client.reset_state, server['id'],
                state='error')
        for server in self._servers(names, deleted=False):
            test_utils.call_and_ignore_notfound_exc(
                self._admin.servers_client.force_delete_server, server['id'])
        waiters.wait_until(
            lambda: self._servers(names, deleted=False),
            lambda servers: not servers, 'servers named %s are gone' % names,
            CONF.local_delete.delete_timeout)

    def _servers(self, names, deleted, **filters):
        if not deleted:
            # Those that can be restored are there, and Nova hides them.
            filters['soft_deleted'] = True
        return list(self._admin.servers(
            all_tenants=True, deleted=deleted, name=names, **filters))

    def _undo_lease(self, provider_id, trait):
        # A provider that went with its service has no lease any more.
        test_utils.call_and_ignore_notfound_exc(
            lease.Lease(self._admin, trait).give_back, provider_id)

    def _undo_flavor(self, name):
        for flavor in list(self._admin.flavors()):
            if flavor['name'] == name:
                self._admin.flavors_client.delete_flavor(flavor['id'])

    def _undo_trait(self, trait):
        lease.Lease(self._admin, trait).delete_trait()

    def _undo_credentials(self, run_id):
        release_accounts(run_id)
        manager = self._admin.manager
        projects, users = self._identities(run.Run(run_id))
        for project in projects:
            self._delete_networks(project['id'])
            manager.projects_client.delete_project(project['id'])
        for user in users:
            manager.users_v3_client.delete_user(user['id'])

    def _identities(self, this_run):
        manager = self._admin.manager
        contains = {'name__contains': this_run.name}
        projects = manager.projects_client.list_projects(params=contains)
        users = manager.users_v3_client.list_users(**contains)
        # They are deleted, so that no filter of another's is relied on.
        return tuple([found for found in listed if this_run.name
                      in found['name']] for listed in (
                          projects['projects'], users['users']))

    def _delete_networks(self, project_id):
        if not CONF.service_available.neutron:
            return
        manager = self._admin.manager
        for router in manager.routers_client.list_routers(
                project_id=project_id)['routers']:
            for port in manager.ports_client.list_ports(
                    device_id=router['id'],
                    device_owner='network:router_interface')['ports']:
                manager.routers_client.remove_router_interface(
                    router['id'], port_id=port['id'])
            manager.routers_client.delete_router(router['id'])
        for network in manager.networks_client.list_networks(
                project_id=project_id)['networks']:
            manager.networks_client.delete_network(network['id'])
        for group in manager.security_groups_client.list_security_groups(
                project_id=project_id)['security_groups']:
            manager.security_groups_client.delete_security_group(group['id'])


def describe(intent):
    """Say in a few words what an intent would undo.

    :param intent: A ``journal.Intent``.
    """
    what = dict(intent.what)
    try:
        if intent.kind == 'compute':
            return '%s of host %s' % (what['outage'], what['target']['host'])
    except (KeyError, TypeError):
        LOG.warning('%s lacks what is needed to undo it', intent)
    return ', '.join('%s %s' % item for item in sorted(what.items()))


def release_accounts(run_id):
    """Release the pre-provisioned accounts that a dead run took.

    Tempest notes them in files that only their taker removes
    (``PreProvisionedCredentialProvider``).

    :param run_id: Id of the run.
    """
    folder = pathlib.Path(lockutils.get_lock_path(CONF), 'test_accounts')
    if CONF.auth.use_dynamic_credentials or not folder.is_dir():
        return
    name = run.Run(run_id).name
    with lockutils.lock('test_accounts_io', external=True):
        for path in folder.iterdir():
            if path.read_text().endswith(name):
                path.unlink()


def remove_allocations(placement, consumers):
    """Wait until consumers hold nothing, or else take it away.

    :param placement: An admin's ``PlacementClient``.
    :param consumers: Ids of servers of the run that answer 404, and UUIDs of
        migrations of such servers.
    """
    def read():
        return [consumer for consumer in consumers
                if placement.list_allocations(consumer)['allocations']]

    try:
        waiters.wait_until(
            read, lambda holders: not holders,
            'consumers %s hold nothing' % ', '.join(consumers),
            CONF.local_delete.cleanup_timeout)
    except lib_exc.TimeoutException as error:
        LOG.warning('Removing what Nova left: %s', error)
        for consumer in read():
            test_utils.call_and_ignore_notfound_exc(
                placement.delete_allocations, consumer)
