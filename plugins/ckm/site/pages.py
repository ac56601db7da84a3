"""From figures to HTML: the templates beside this module, and how numbers, lengths and trends are written in them."""

import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

# What an outcome of a rule or a status of a dbt test means: its class in the style sheet, its sign and its word.
VERDICTS: dict[str, tuple[str, str, str]] = {
    "hold": ("good", "✓", "hold"),
    "aside": ("aside", "▣", "rows set aside"),
    "warned": ("warned", "!", "warned"),
    "failed": ("failed", "✕", "failed"),
    "open": ("open", "○", "not yet judged"),
}
MEANING: dict[str, str] = {
    "passed": "hold", "quarantined": "aside", "warned": "warned", "object_failed": "failed", "failed": "failed",
    "skipped": "open", "pass": "hold", "warn": "warned", "fail": "failed", "error": "failed",
    "runtime error": "failed", "no-op": "open", "partial success": "failed",
}  # fmt: skip
WORST_FIRST = ("failed", "warned", "aside", "open", "hold")
WIDTH, HEIGHT = 112, 26


def render(template: str, **values: Any) -> str:
    """One page, whole."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("ckm.site"), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    made.filters |= {"number": number, "took": took}
    made.globals |= {
        "verdicts": VERDICTS, "meaning": MEANING, "worst_first": WORST_FIRST, "trend": trend, "bars": bars,
    }  # fmt: skip
    return made


def number(value: Any) -> str:
    """A figure or text as a person writes it; nothing where there is nothing."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case float() | Decimal():
            return f"{value:,.4g}" if abs(value) < 1000 else f"{value:,.0f}"
        case _:
            return str(value)


def took(seconds: float | None) -> str:
    """A length of time."""
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds // 60:.0f} min {seconds % 60:02.0f} s"


def trend(points: Sequence[tuple[date, int]]) -> Markup:
    """A line through the nights, from the lowest to the highest value, as a picture that says its ends in words."""
    if len(points) < 2:
        return Markup("<span class=muted>first night</span>")
    values = [value for _, value in points]
    low, span = min(values), (max(values) - min(values)) or 1
    step = (WIDTH - 8) / (len(values) - 1)
    places = [(4 + i * step, HEIGHT - 4 - (v - low) / span * (HEIGHT - 8)) for i, v in enumerate(values)]
    if max(values) == low:
        places = [(x, HEIGHT / 2) for x, _ in places]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    x, y = places[-1]
    return _picture(
        f"{values[0]:,} rows on {points[0][0]}, {values[-1]:,} on {points[-1][0]}",
        Markup('<polyline points="{}"/><circle cx="{}" cy="{}" r="2.5"/>').format(
            line, f"{x:.1f}", f"{y:.1f}"
        ),
    )


def bars(points: Sequence[tuple[date, int, bool]]) -> Markup:
    """A bar per night as high as the order of magnitude of its rows; a night that is stale is a hollow bar."""
    top = max((math.log1p(value) for _, value, _ in points), default=0) or 1
    step = min(12.0, WIDTH / max(len(points), 1))
    drawn = Markup("")
    for i, (night, value, is_stale) in enumerate(points):
        height = HEIGHT - 4 if is_stale else max(1.5, math.log1p(value) / top * (HEIGHT - 4))
        drawn += Markup('<rect x="{}" y="{}" width="{}" height="{}"{}><title>{}</title></rect>').format(
            f"{i * step + 1:.1f}", f"{HEIGHT - 2 - height:.1f}", f"{step - 3:.1f}", f"{height:.1f}",
            Markup(" class=hollow") if is_stale else "", f"{night}: {'stale' if is_stale else f'{value:,} rows'}",
        )  # fmt: skip
    said = ", ".join(f"{night} {'stale' if is_stale else f'{value:,}'}" for night, value, is_stale in points)
    return _picture(f"rows loaded: {said}", drawn)


def _picture(said: str, drawn: Markup) -> Markup:
    return Markup('<svg class=trend viewBox="0 0 {} {}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, HEIGHT, said, drawn
    )
