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

"""Look at the pages of the documents, wide and as wide as a phone.

Build them first, as "tox -e docs" does. Each page is opened in a headless
Chromium (Debian's package chromium). The command fails if a page is wider than
its window, or if words are cut off. A block that can be scrolled is right.
"""

import argparse
from collections.abc import Iterable
import html
import json
import os
import pathlib
import re
import sys
import tempfile

from tools import phases
from tools import screenshots

_PAGES = phases.ROOT / 'doc' / 'build' / 'html'

# {name: (width, height)} of the windows.
_WINDOWS = {'wide': (1400, 1000), 'phone': (390, 844)}

# No window of Chromium is as narrow as a phone, and a frame can be.
_FRAME = """<!DOCTYPE html>
<style>body { margin: 0 } iframe { border: 0; display: block }</style>
<script>
const found = [];
addEventListener('message', event => {
  found.push(event.data);
  document.body.dataset.found = JSON.stringify(found);
});
</script>
<body>%s</body>
"""

_LOOK = """
<script>
addEventListener('load', () => {
  const cut = [];
  for (const one of document.querySelectorAll('body *')) {
    const words = [...one.childNodes].filter(
      node => node.nodeType === 3).map(node => node.data).join('').trim();
    const box = one.getBoundingClientRect();
    // Words for a screen reader alone have one pixel.
    if (!words || !one.offsetParent || box.width <= 1) continue;
    for (let over = one; over; over = over.parentElement) {
      const kind = getComputedStyle(over).overflowX;
      const room = over.getBoundingClientRect();
      if (kind === 'auto' || kind === 'scroll') break;
      if (kind !== 'visible' && (
          over === one ? one.scrollWidth > one.clientWidth + 1
          : box.right > room.right + 1 || box.left < room.left - 1)) {
        cut.push(words.slice(0, 60));
        break;
      }
    }
  }
  parent.postMessage({
    name: %s, width: document.documentElement.scrollWidth,
    inner: innerWidth, cut: cut}, '*');
});
</script>
"""

_FOUND = re.compile('data-found="([^"]*)"')


def look(chromium: str, paths: Iterable[pathlib.Path], folder: pathlib.Path,
         window: str) -> list[str]:
    """Open pages in frames, and say what is wrong with them.

    :param chromium: the program
    :param paths: the pages
    :param folder: where the frames go
    :param window: which of ``_WINDOWS``
    """
    width, height = _WINDOWS[window]
    copies = []
    for path in paths:
        # The copy lies beside the page, because its links are relative.
        copy = path.with_name(f'.look-{os.getpid()}-{path.name}')
        copy.write_text(path.read_text() + _LOOK % json.dumps(path.name))
        copies.append(copy)
    try:
        seen = _open(chromium, copies, folder, width, height)
    finally:
        for copy in copies:
            copy.unlink()
    if len(seen) < len(copies):
        return [f'{window}: only {len(seen)} of {len(copies)} pages opened']
    return [f'{window}: {one["name"]}: {words}'
            for one in seen for words in _faults(one)]


def _open(chromium, copies, folder, width, height):
    frame = folder / 'frame.html'
    frame.write_text(_FRAME % ''.join(
        f'<iframe width={width} height={height} '
        f'src="{html.escape(copy.as_uri())}"></iframe>' for copy in copies))
    done = screenshots.run_chromium(
        chromium, max(width, 500), height, ['--blink-settings='
                                            'preferredColorScheme=1'],
        '--dump-dom', '--virtual-time-budget=60000', frame.as_uri())
    told = _FOUND.search(done.stdout)
    return json.loads(html.unescape(told[1])) if told else []


def _faults(seen):
    if seen['width'] > seen['inner']:
        yield f'is {seen["width"]} wide, and the window {seen["inner"]}'
    for words in seen['cut']:
        yield f'these words are cut off: {words}'


def shoot(chromium: str, path: pathlib.Path, window: str, height: int,
          picture: pathlib.Path, folder: pathlib.Path) -> None:
    """Take the picture of a page, as high as wanted.

    :param chromium: the program
    :param path: the page
    :param window: which of ``_WINDOWS``
    :param height: pixels
    :param picture: where it goes
    :param folder: where the frame goes
    """
    width, _ = _WINDOWS[window]
    frame = folder / 'frame.html'
    frame.write_text(_FRAME % (
        f'<iframe width={width} height={height} src="{path.as_uri()}">'))
    screenshots.run_chromium(
        chromium, max(width, 500), height, ['--hide-scrollbars'],
        f'--screenshot={picture}', '--virtual-time-budget=20000',
        frame.as_uri())


def main() -> int:
    """Run the command line, and return the exit code."""
    parser = argparse.ArgumentParser(
        prog='python -m tools.look', description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('pages', nargs='*', metavar='PAGE',
                        help='names of pages, such as findings.html '
                        '(default: all)')
    parser.add_argument('--folder', type=pathlib.Path, default=_PAGES,
                        help='where the pages are (default: %(default)s)')
    parser.add_argument('--pictures', type=pathlib.Path, metavar='FOLDER',
                        help='also take a picture of each page')
    parser.add_argument('--height', type=int, default=2000,
                        help='of the pictures (default: %(default)s)')
    parser.add_argument('--chromium', default='chromium',
                        help='the program (default: %(default)s)')
    arguments = parser.parse_args()
    paths = ([arguments.folder / name for name in arguments.pages]
             or sorted(arguments.folder.rglob('[!.]*.html')))
    missing = [str(path) for path in paths or [arguments.folder]
               if not path.exists()]
    if missing:
        print(f'There is no {missing[0]}: run "tox -e docs" first',
              file=sys.stderr)
        return 2
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for window in _WINDOWS:
            wrong += look(arguments.chromium, paths, folder, window)
            if arguments.pictures:
                arguments.pictures.mkdir(parents=True, exist_ok=True)
                for path in paths:
                    shoot(arguments.chromium, path, window, arguments.height,
                          arguments.pictures / f'{path.stem}-{window}.png',
                          folder)
    for words in wrong:
        print(words)
    print(f'{len(paths)} pages: {len(wrong)} faults')
    return int(bool(wrong))


if __name__ == '__main__':
    sys.exit(main())
