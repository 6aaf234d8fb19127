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

import importlib.metadata
import pathlib
import sys

_ROOT = pathlib.Path(__file__).parents[2]
# proof is not in the wheel, and doc/ext is in no package.
sys.path[:0] = [str(_ROOT), str(_ROOT / 'doc' / 'ext')]

project = 'local-delete-tempest-plugin'
copyright = 'The local-delete-tempest-plugin authors'
release = version = importlib.metadata.version(project)
extensions = [
    'family_pages',
    'openstackdocstheme',
    'oslo_config.sphinxext',
    'sphinx.ext.graphviz',
]
# A block of commands names no language. Any other block does.
highlight_language = 'sh'
html_css_files = ['pages.css']
html_static_path = ['_static']
html_theme = 'openstackdocs'
html_theme_options = {
    # Nobody counts who reads these pages.
    'analytics_tracking_code': '',
    'display_badge': False,
}
# Otherwise the theme writes the summary of the package above the navigation.
openstackdocs_auto_name = False
openstackdocs_auto_version = False
graphviz_output_format = 'svg'
nitpicky = True
# They replace two parts of the theme: the navigation, and another license.
templates_path = ['_templates']
