import pathlib, sys, time, shutil
from allinone import cloud, deployment, processes, supervision, workspace
import argparse
p = argparse.ArgumentParser()
p.add_argument('--state', default='.allinone'); p.add_argument('--port-base', type=int, default=21000)
p.add_argument('verb'); p.add_argument('rest', nargs='...')
a = p.parse_args()
state = pathlib.Path(a.state).absolute()
if a.verb == 'up':
    begin = time.monotonic()
    cloud.boot(deployment.new(state, a.port_base, None), lambda n, s: print(f'{time.monotonic()-begin:6.1f} {s:6.1f} {n}', flush=True))
elif a.verb == 'down':
    print(processes.end(processes.belonging_to(state), 3))
    shutil.rmtree(state)
elif a.verb == 'tempest':
    sys.exit(workspace.run(deployment.load(state), a.rest))
