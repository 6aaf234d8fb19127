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

"""Forks Python programs from a process that has imported their modules.

::

    python forkserver.py SOCKET NAME...

A NAME is a module, or a function to call, such as eventlet:monkey_patch. This
runs in the services' environment, so it needs only the standard library. It
imports the names and listens on the socket. Our supervisord
(allinone/supervisord.py) asks it there to start a program. It forks, and the
child runs the program's own script, as a new interpreter would. Only the
imports are done already.

The child is no child of this process. The process between them ends at once,
and the child falls to the supervisor, which reaps orphans.
"""

# eventlet, which a module may bring, replaces functions of "os" and "socket".
import _socket
import array
import contextlib
import gc
import json
import os
import pkgutil
import posix
import runpy
import signal
import sys
import sysconfig

#: Bytes of the longest request.
LONGEST = 2 ** 17


def _listen(path):
    """Return a listening socket, whose name appears when it listens."""
    listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    os.set_inheritable(listener.fileno(), False)
    unfinished = f'{path}.new'
    if os.path.exists(unfinished):
        os.unlink(unfinished)
    listener.bind(unfinished)
    listener.listen(128)
    os.rename(unfinished, path)
    return listener


# Libraries, Nova's profiler and Nova 31 read these options at their import.
# All services here have the default values.
_READ_ANYWAY = ('auth_section', 'auth_type', 'default_pool_size', 'enabled')


@contextlib.contextmanager
def _without_options():
    """Refuse imports that read an option, before its value is known.

    :raises RuntimeError: an import reads an option
    """
    try:
        from oslo_config import cfg
    except ImportError:
        yield
        return

    read = cfg.ConfigOpts._get

    def refuse(options, name, *arguments):
        value = read(options, name, *arguments)
        if not isinstance(value, cfg.ConfigOpts.GroupAttr) and (
                name not in _READ_ANYWAY):
            raise RuntimeError(f'An import reads the option {name}, before '
                               f'the service reads its configuration')
        return value

    cfg.ConfigOpts._get = refuse
    yield
    cfg.ConfigOpts._get = read


def _forget_hub():
    """Let each fork have a hub of eventlet of its own, and so an epoll.

    :raises RuntimeError: an import has left something to do to the hub
    """
    hubs = sys.modules.get('eventlet.hubs')
    if not hubs:
        return
    hub = hubs.get_hub()
    if hub.get_timers_count() or hub.get_readers() or hub.get_writers():
        raise RuntimeError('An import started a green thread, which no fork '
                           'would have')
    # The hub's own greenlet keeps it alive, if an import has run it.
    hub.poll.close()
    hubs.use_hub()


def _require_own_epoll():
    """Refuse to fork an epoll, because its events wake all processes.

    :raises RuntimeError: an import has made an epoll, and left it open
    """
    for number in os.listdir('/proc/self/fd'):
        with contextlib.suppress(FileNotFoundError):
            if 'eventpoll' in os.readlink(f'/proc/self/fd/{number}'):
                raise RuntimeError('An import opened an epoll, which all '
                                   'forks would share')


def _require_one_thread():
    """Refuse to fork a process of which a child gets only a part.

    :raises RuntimeError: an import has started a thread
    """
    threads = len(os.listdir('/proc/self/task'))
    if threads != 1:
        raise RuntimeError(f'An import started {threads - 1} threads, which '
                           f'no fork would have')


def _serve(listener):
    """Fork for each request, and return the request in the child.

    A request is a message with three file descriptors. The answer is the
    process id of the child.

    :returns: The request, and the child's standard input, output and error.
    """
    while True:
        number, _ = listener._accept()
        connection = _socket.socket(fileno=number)
        files = array.array('i')
        message, ancillary, _, _ = connection.recvmsg(
            LONGEST, _socket.CMSG_SPACE(3 * files.itemsize))
        for _, _, data in ancillary:
            files.frombytes(data)
        between = os.fork()
        if not between:
            child = os.fork()
            if not child:
                connection.close()
                listener.close()
                return json.loads(message), files
            # The supervisor may signal the group as soon as it knows it.
            os.setpgid(child, child)
            try:
                connection.send(str(child).encode())
            except OSError:
                # The supervisor waits no longer, and would start another.
                os.kill(child, signal.SIGKILL)
            os._exit(0)
        posix.waitpid(between, 0)
        connection.close()
        for number in files:
            posix.close(number)


def _become(command, environment, files):
    """Run a program's script in this process, as its interpreter would."""
    for target, number in enumerate(files):
        os.dup2(number, target)
        posix.close(number)
    _name(command)
    os.environ.clear()
    os.environ.update(environment)
    if command[0] == sys.executable:
        command = command[1:]
    script = command[0]
    path = environment.get('PYTHONPATH', '')
    sys.path[:0] = [os.path.dirname(script), *filter(None, path.split(':'))]
    sys.argv[:] = command
    # The interpreter ran the environment's .pth files for its own variables.
    with open(f'{sysconfig.get_path("purelib")}/hooks.pth') as hooks:
        exec(hooks.read(), {})
    runpy.run_path(script, run_name='__main__')


def _name(command):
    """Let the list of processes show the program, where that is possible.

    This finds the place of the title by the variables, before they change.
    """
    try:
        import setproctitle
    except ImportError:
        return
    setproctitle.setproctitle(' '.join(command))


def main() -> None:
    """Import the names of the command line, and fork for each request."""
    _, path, *names = sys.argv
    # The directory of this file.
    del sys.path[0]
    with _without_options():
        for name in names:
            found = pkgutil.resolve_name(name)
            if ':' in name:
                found()
    _require_one_thread()
    _forget_hub()
    # A collection would write to every page that the children share.
    gc.collect()
    _require_own_epoll()
    gc.freeze()
    request, files = _serve(_listen(path))
    _become(request['command'], request['environment'], files)


if __name__ == '__main__':
    main()
