"""The medians as bars, one a peer, grouped by row: an SVG that stands alone and follows the reader's light or dark. Pure.

    Gbit/s (more is better)
      tcp-up-1500   ███████████████▏ 9.12      postern
                    █▍ 0.88                    slirp4netns         a line on the bar: the least and the most of its rounds
"""

from dataclasses import dataclass
from statistics import median
from xml.sax.saxutils import escape

from report import number

MORE_IS_BETTER = ("Gbit/s", "MB/s", "/s")  # of the units; of the others less is
COLOURS = {  # on white, on black
    "postern": ("#2563eb", "#60a5fa"), "slirp4netns": ("#d97706", "#fbbf24"), "pasta": ("#059669", "#34d399"),
    "rootlesskit": ("#db2777", "#f472b6"), "bridge": ("#6b7280", "#9ca3af"), "host": ("#9333ea", "#c084fc")}

_WIDTH, _MARGIN, _LABELS, _VALUES = 820, 16, 190, 70
_BAR, _ROW_GAP, _LINE = 12, 9, 22


@dataclass(frozen=True)
class Group:
    """A row's figure, and each peer's rounds of it."""

    label: str
    unit: str
    rounds: dict[str, list[float]]


def groups_of(rows, peers, results):
    """What each row plots, where at least one peer has it."""
    units = {(row.name, figure): unit for row in rows for figure, unit in row.figures}
    groups = []
    for row in rows:
        for figure in row.plotted or (row.figures[0][0],):
            series = {peer: results.series(row.name, peer, figure) for peer in peers}
            rounds = {peer: numbers for peer, taken in series.items() if (numbers := [one for one in taken if one is not None])}
            if rounds:
                groups.append(Group(f"{row.name} {figure}".rstrip(), units[row.name, figure], rounds))
    return groups


def svg(groups, peers, title):
    """`peers` in the order of the bars. Groups of one unit share a panel and a scale."""
    peers = [peer for peer in peers if any(peer in group.rounds for group in groups)]
    panels = {}
    for group in groups:
        panels.setdefault(group.unit, []).append(group)
    parts, top = _legend(peers), _MARGIN + _LINE
    for unit, members in panels.items():
        parts += _text(_MARGIN, top + _LINE, _heading(unit), "unit")
        top += _LINE + _ROW_GAP
        scale = max(max(rounds) for group in members for rounds in group.rounds.values()) or 1
        for group in members:
            parts += _bars(group, peers, top, (_WIDTH - 2 * _MARGIN - _LABELS - _VALUES) / scale)
            top += _BAR * len(group.rounds) + _ROW_GAP
    parts += _text(_MARGIN, top + _LINE, title, "small")
    return _document(parts, top + _LINE + _MARGIN, title)


def _heading(unit):
    return f"{'per second' if unit == '/s' else unit} ({'more' if unit in MORE_IS_BETTER else 'less'} is better)"


def _legend(peers):
    parts, left = [], _MARGIN
    for peer in peers:
        parts += [f'<rect class="{peer}" x="{left}" y="{_MARGIN}" width="{_BAR}" height="{_BAR}"/>']
        parts += _text(left + _BAR + 6, _MARGIN + _BAR - 1, peer)
        left += 120
    return parts


def _bars(group, peers, top, pixels_per_unit):
    left = _MARGIN + _LABELS
    parts = _text(left - 8, top + _BAR * len(group.rounds) / 2 + 4, group.label, "label")
    for place, peer in enumerate(peer for peer in peers if peer in group.rounds):
        rounds, y = group.rounds[peer], top + _BAR * place
        width, least, most = (pixels_per_unit * value for value in (median(rounds), min(rounds), max(rounds)))
        parts += [f'<rect class="{peer}" x="{left}" y="{y}" width="{max(width, 1):.1f}" height="{_BAR - 1}">'
                  f"<title>{escape(f'{group.label}, {peer}: {number(median(rounds))} {group.unit}')}</title></rect>"]
        if len(rounds) > 1:
            parts += [f'<path class="spread" d="M{left + least:.1f} {y + _BAR / 2}H{left + most:.1f}"/>']
        parts += _text(left + max(width, most) + 5, y + _BAR - 3, number(median(rounds)), "small")
    return parts


def _text(x, y, text, kind=""):
    return [f'<text{f" class={kind!r}" if kind else ""} x="{x:.1f}" y="{y:.1f}">{escape(text)}</text>']


def _document(parts, height, title):
    light = "".join(f".{peer}{{fill:{colours[0]}}}" for peer, colours in COLOURS.items())
    dark = "".join(f".{peer}{{fill:{colours[1]}}}" for peer, colours in COLOURS.items())
    style = ("text{font:13px system-ui,sans-serif;fill:#1f2937}.page{fill:#fff}.small{font-size:11px}.label{text-anchor:end}"
             f".unit{{font-weight:600}}.spread{{stroke:#1f2937;stroke-width:1.5}}{light}"
             "@media(prefers-color-scheme:dark){text{fill:#e5e7eb}.page{fill:#0d1117}.spread{stroke:#f9fafb}" + dark + "}")
    size = f'width="{_WIDTH}" height="{height}" viewBox="0 0 {_WIDTH} {height}"'
    return "\n".join([f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img"><title>{escape(title)}</title>',
                      f"<style>{style}</style>", '<rect class="page" width="100%" height="100%"/>', *parts, "</svg>"])
