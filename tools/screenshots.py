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

"""Look at the pages of reports, and take their pictures.

Each page is made of a subunit stream, and opened in a headless Chromium
(Debian's package chromium). The pictures are light, dark, and as wide as a
phone. The command fails if the console has an error, or if a curve is not
drawn. It also fails if the page is wider than a phone. With --axe it fails,
too, if axe-core finds a serious fault of accessibility:

    npm pack axe-core && tar -xf axe-core-*.tgz package/axe.min.js
    python -m tools.screenshots --axe package/axe.min.js clean=run.subunit
"""

import argparse
from collections.abc import Iterable
import html
import json
import pathlib
import re
import subprocess
import sys
import tempfile

from local_delete_tempest_plugin.report import page
from local_delete_tempest_plugin.report import results
from local_delete_tempest_plugin.report import stream
from tools import phases

IMAGES = phases.ROOT / 'doc' / 'source' / 'images'

# {name: (width, height, options of Chromium)} of each picture.
_PICTURES: dict[str, tuple[int, int, list[str]]] = {
    'light': (1120, 900, ['--blink-settings=preferredColorScheme=1']),
    'dark': (1120, 900, ['--blink-settings=preferredColorScheme=0']),
    'phone': (500, 900, ['--blink-settings=preferredColorScheme=1']),
}

_LIMIT = 300

# Chromium tells it of the process, and not of the page.
_CONSOLE = re.compile(r'CONSOLE[^"]*(".*)')

# What the page itself forbids: a copy gets this script.
_LOOK = """
<script>%s</script>
<script>
addEventListener('load', async () => {
  const found = {
    curves: [...document.querySelectorAll('svg .curve')].filter(
      curve => curve.getTotalLength() > 0).length,
    width: document.documentElement.scrollWidth,
    inner: innerWidth,
    faults: [],
  };
  if (window.axe) {
    const seen = await axe.run(document);
    found.faults = seen.violations.filter(
      one => ['serious', 'critical'].includes(one.impact)).map(
      one => one.id + ': ' + one.help + ': ' + one.nodes[0].html);
  }
  const told = document.createElement('template');
  told.id = 'found';
  told.setAttribute('data-found', JSON.stringify(found));
  document.body.append(told);
});
</script>
"""

_POLICY = re.compile('<meta http-equiv="Content-Security-Policy"[^>]*>')
_FOUND = re.compile('data-found="([^"]*)"')


def look(chromium: str, path: pathlib.Path, axe: str) -> list[str]:
    """Open a page, and say what is wrong with it.

    :param chromium: the program
    :param path: the page
    :param axe: the source of axe-core, or nothing
    """
    text = path.read_text()
    wrong = []
    for name, (width, height, options) in _PICTURES.items():
        copy = path.with_name(f'look-{name}.html')
        copy.write_text(_POLICY.sub('', text) + _LOOK % axe)
        done = run_chromium(
            chromium, width, height, options, '--dump-dom',
            '--virtual-time-budget=20000', copy.as_uri())
        told = _FOUND.search(done.stdout)
        if not told:
            return [f'{name}: the page could not be opened: '
                    f'{done.stderr.strip()[-300:]}']
        found = json.loads(html.unescape(told[1]))
        curves = text.count('class="curve"')
        if found['curves'] != curves:
            wrong.append(
                f'{name}: {found["curves"]} of {curves} curves are drawn')
        if found['width'] > found['inner']:
            wrong.append(f'{name}: the page is {found["width"]} wide, and the '
                         f'window {found["inner"]}')
        wrong += [f'{name}: {fault}' for fault in found['faults']]
    return wrong


def shoot(chromium: str, path: pathlib.Path, name: str,
          folder: pathlib.Path, pictures: Iterable[str]) -> list[str]:
    """Take the pictures of a page, and say what its console said.

    :param chromium: the program
    :param path: the page
    :param name: the begin of the pictures' names
    :param folder: where they go
    :param pictures: which of ``_PICTURES`` are taken
    """
    said = []
    for picture in pictures:
        width, height, options = _PICTURES[picture]
        file = folder / f'report-{name}-{picture}.png'
        done = run_chromium(
            chromium, width, height, options, '--hide-scrollbars',
            f'--screenshot={file}', path.as_uri())
        said += [f'{picture}: {one}' for one in _CONSOLE.findall(done.stderr)]
        if not file.exists():
            said.append(f'{picture}: no picture was taken: '
                        f'{done.stderr.strip()[-300:]}')
    return said


def run_chromium(chromium: str, width: int, height: int,
                 options: Iterable[str], *arguments: str
                 ) -> subprocess.CompletedProcess[str]:
    """Run a headless Chromium to its end.

    :param chromium: the program
    :param width: of its window, in pixels
    :param height: of its window, in pixels
    :param options: of Chromium
    :param arguments: what it does, and the address of the page
    """
    return subprocess.run(
        [chromium, '--headless=new', '--no-sandbox', '--disable-gpu',
         '--disable-dev-shm-usage', '--enable-logging=stderr',
         f'--window-size={width},{height}', *options, *arguments],
        capture_output=True, text=True, timeout=_LIMIT)


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m tools.screenshots', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('streams', nargs='+', metavar='NAME=STREAM',
                        help='a name for the pictures, and a subunit stream')
    parser.add_argument('--output', type=pathlib.Path, default=IMAGES,
                        help='where the pictures go (default: %(default)s)')
    parser.add_argument('--picture', action='append', choices=_PICTURES,
                        help='keep only this picture; may be given several '
                        'times (default: all)')
    parser.add_argument('--axe', type=pathlib.Path,
                        help="axe-core's axe.min.js")
    parser.add_argument('--chromium', default='chromium',
                        help='the program (default: %(default)s)')
    arguments = parser.parse_args()
    axe = arguments.axe.read_text() if arguments.axe else ''
    arguments.output.mkdir(parents=True, exist_ok=True)
    failed = False
    for one in arguments.streams:
        name, _, path = one.partition('=')
        run = results.judge(stream.read_file(pathlib.Path(path)))
        with tempfile.TemporaryDirectory() as folder:
            made = pathlib.Path(folder) / 'report.html'
            made.write_text(page.as_html(run))
            wrong = look(arguments.chromium, made, axe) + shoot(
                arguments.chromium, made, name, arguments.output,
                arguments.picture or _PICTURES)
            print(f'{name}: {run.verdict.label}, {len(run.tests)} tests, '
                  f'{made.stat().st_size} bytes: {len(wrong)} faults')
        for words in wrong:
            print(f'  {words}')
        failed |= bool(wrong)
    return int(failed)


if __name__ == '__main__':
    sys.exit(main())
