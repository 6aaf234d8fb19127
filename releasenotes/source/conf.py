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

import configparser
import pathlib
import re

from docutils import nodes

project = 'local-delete-tempest-plugin'
copyright = 'The local-delete-tempest-plugin authors'
extensions = ['openstackdocstheme', 'reno.sphinxext']
html_css_files = ['pages.css']
html_static_path = ['../../doc/source/_static']
html_theme = 'openstackdocs'
html_theme_options = {'analytics_tracking_code': '', 'display_badge': False}
openstackdocs_auto_name = False
openstackdocs_auto_version = False
templates_path = ['../../doc/source/_templates']

# reno takes the names of releases from the tags. It writes 0.0.0 without any
# tag, and 1.0.0-5 over what came after the tag 1.0.0.
_UNTAGGED = re.compile(r'0\.0\.0|[\d.]+-\d+|working-copy')


def _name_release(app, doctree):
    """Name the release that is being prepared, as setup.cfg has it."""
    configuration = configparser.ConfigParser()
    configuration.read(pathlib.Path(__file__).parents[2] / 'setup.cfg')
    for title in doctree.findall(nodes.title):
        if _UNTAGGED.fullmatch(title.astext()):
            title[:] = [nodes.Text(configuration['metadata']['version'])]


def setup(app) -> None:
    # The tables of contents are made by the default priority, 500.
    app.connect('doctree-read', _name_release, priority=400)
