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

"""Draw what a scenario did and saw, as static SVG.

The attributes of the drawing are numbers and names of our own. All other
words are text, which drawsvg escapes. The style sheet of the page has the
colours, so that a drawing is light or dark as the page is.

This module needs the extra ``report`` of the package.
"""

from collections.abc import Iterable
import itertools
import math
from typing import Any

import drawsvg
import markupsafe

from local_delete_tempest_plugin.report import results

_WIDTH = 720
_LEFT = 175
_RIGHT = 12
_TOP = 18
_STRIP = 30
_CURVE = 22
_LANE = 8
_AXIS = 20
_FONT = 11

# Pixels of a bold character, and between the names of two outages.
_CHARACTER = 8
_GAP = 8

# Pixels of a line of names, where they would cover each other.
_LINE = 14

# More resource classes than these are in the table only.
_MOST_CLASSES = 8

# {kind of an outage: its name on the page}
_KINDS = {
    'forced-down': 'forced down', 'unnoticed': 'killed',
    'unnoticed-forced-down': 'killed, then forced down',
    'service-deleted': 'stopped, and its service deleted'}

# How far apart, in seconds, the marks of the axis may be.
_MARKS = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1200, 3600)


def draw(test: results.Test) -> markupsafe.Markup | None:
    """Draw the usage of a scenario over its time, and its outages.

    :param test: The scenario.
    :returns: An element ``svg``, or None if there is nothing to draw.
    """
    line = test.timeline
    if not line or not line['usages'] or not test.began or not test.ended:
        return None
    names = _classes(line['usages'])
    begin = test.began.timestamp()
    end = max(test.ended.timestamp(), begin + 0.001)
    out = [outage for outage in line['outages'] if outage['is_out']]
    scale = (_WIDTH - _LEFT - _RIGHT) / (end - begin)

    def x(moment: float) -> float:
        return round(_LEFT + (min(max(moment, begin), end) - begin) * scale, 1)

    labels = _place_labels(out, x)
    top = _TOP + _LINE * max((row for *_, row in labels), default=0)
    height = top + _STRIP * max(len(names), 1) + _LANE + _AXIS
    drawing = drawsvg.Drawing(_WIDTH, height, role='img', class_='chart')
    drawing.append(drawsvg.Title(_describe(test, names)))
    bottom = height - _AXIS
    for outage, (_, _, row) in zip(out, labels, strict=True):
        _draw_band(drawing, outage, x, end, top - _LINE * row, bottom)
    for words, left, row in labels:
        drawing.append(drawsvg.Text(
            words, _FONT, left, top - _LINE * row - 5, class_='where'))
    _draw_axis(drawing, end - begin, lambda second: x(begin + second), bottom)
    for number, name in enumerate(names):
        _draw_curve(drawing, name, line['usages'], x, end,
                    top + _STRIP * (number + 1) - 4)
    for step in line['steps']:
        if step['kind'] in ('boot', 'delete'):
            over = x(step['at'] + step['seconds'])
            drawing.append(drawsvg.Rectangle(
                x(step['at']), bottom - _LANE + 2,
                max(over - x(step['at']), 2), _LANE - 3,
                class_='step ' + step['kind']))
    return markupsafe.Markup(drawing.as_svg(
        header='', skip_css=True, skip_js=True))


def kind_of(outage: dict[str, Any]) -> str:
    """Name the kind of an outage as the page does.

    :param outage: The outage, as ``timeline.SCHEMA`` has it.
    """
    return _KINDS.get(outage['kind'], outage['kind'])


def hosts_out(tests: Iterable[results.Test]) -> list[
        tuple[str, int, float, float, int]]:
    """Tell how long each host and service was out.

    :param tests: The scenarios.
    :returns: [(name, number of outages, seconds of all, seconds of the
        longest, number of outages that nobody saw end)].
    """
    found: dict[str, list[float | None]] = {}
    for test in tests:
        for outage in test.timeline['outages'] if test.timeline else ():
            if outage['is_out']:
                found.setdefault(outage['where'], []).append(
                    None if outage['back'] is None
                    else outage['back'] - outage['begun'])
    rows = []
    for name, all_seconds in sorted(found.items()):
        known = [one for one in all_seconds if one is not None]
        rows.append((name, len(all_seconds), math.fsum(known),
                     max(known, default=0.0), all_seconds.count(None)))
    return rows


def amounts(test: results.Test) -> list[tuple[str, str, Any, Any, Any]]:
    """Tell how much was used before, during and after.

    :param test: The scenario.
    :returns: [(where, resource class, before, during, after)]; an amount is
        None if it was not read.
    """
    readings: dict[str, dict[str, Any]] = {}
    for usage in test.timeline['usages'] if test.timeline else ():
        if usage['when'] in ('before', 'during', 'after'):
            readings[usage['when']] = usage
    places = dict.fromkeys(
        ('project', *sorted({host for usage in readings.values()
                             for host in usage['hosts']})))

    def amount(when, place, name):
        if when not in readings:
            return None
        held = readings[when]['project'] if place == 'project' else (
            readings[when]['hosts'].get(place, {}))
        return held.get(name, 0)

    names = {name for usage in readings.values()
             for held in (usage['project'], *usage['hosts'].values())
             for name in held}
    rows = [(place, name, *(amount(when, place, name)
                            for when in ('before', 'during', 'after')))
            for place in places for name in sorted(names)]
    return [row for row in rows if any(row[2:])]


def _classes(usages):
    held = {name for usage in usages
            for name, amount in usage['project'].items() if amount}
    return sorted(held)[:_MOST_CLASSES]


def _describe(test, names):
    outages = ['%s %s' % (outage['where'], kind_of(outage))
               for outage in test.timeline['outages'] if outage['is_out']]
    return 'Usage of %s over %.0f s. Outages: %s' % (
        ', '.join(names) or 'nothing', test.seconds or 0,
        ', '.join(outages) or 'none')


def _place_labels(outages, x):
    """Place the names of outages, so that none covers another.

    :returns: [(words, x of their begin, number of the line from below)].
    """
    placed = []
    ends: list[float] = []
    for outage in outages:
        words = '%s %s' % (outage['where'][:40], kind_of(outage)[:32])
        width = _CHARACTER * len(words)
        left = max(min(x(outage['begun']), _WIDTH - width), 0)
        row = next((row for row, end in enumerate(ends) if end <= left),
                   len(ends))
        ends[row:row + 1] = [left + width + _GAP]
        placed.append((words, left, row))
    return placed


def _draw_band(drawing, outage, x, end, top, bottom):
    begin, over = x(outage['begun']), x(outage['back'] or end)
    drawing.append(drawsvg.Rectangle(
        begin, top, max(over - begin, 1), bottom - top,
        class_='band' if outage['back'] else 'band open'))


def _draw_axis(drawing, seconds, x, bottom):
    drawing.append(drawsvg.Line(_LEFT, bottom, _WIDTH - _RIGHT, bottom,
                                class_='axis'))
    apart = next((apart for apart in _MARKS if seconds / apart <= 10),
                 seconds)
    for number in range(int(seconds / apart) + 1):
        at = x(number * apart)
        is_last = at > _WIDTH - 2 * _RIGHT
        drawing.append(drawsvg.Text(
            '%g s' % (number * apart), _FONT, _WIDTH if is_last else at,
            bottom + 14, class_='mark',
            text_anchor='end' if is_last else 'middle'))


def _draw_curve(drawing, name, usages, x, end, base):
    highest = max(usage['project'].get(name, 0) for usage in usages)
    drawing.append(drawsvg.Text(
        '%s, at most %d' % (name[:24], highest), _FONT, _LEFT - 8, base - 4,
        class_='class', text_anchor='end'))

    def y(usage):
        return round(
            base - _CURVE * usage['project'].get(name, 0) / highest, 1)

    curve = drawsvg.Path(class_='curve').M(x(usages[0]['at']), y(usages[0]))
    for last, usage in itertools.pairwise(usages):
        if y(usage) != y(last):
            curve.H(x(usage['at'])).V(y(usage))
    drawing.append(curve.H(x(end)))
