"""How pictures of runs look: colours and signs of states, for light and dark pages.

Text takes the colour of the page around it. A page may set `--picture-running` and so on; what is said here are colours that
have a contrast of at least 4.5 to white, or to near black. Nothing is told by colour alone: each state has a sign.
"""

from __future__ import annotations

__all__ = ["STYLE", "picture_style", "sign", "signs"]

_LIGHT = {
    "succeeded": "#1a7f43", "failed": "#c4262e", "cancelled": "#8a5a00", "skipped": "#667080", "running": "#1d5fbf",
    "waiting": "#8a5a00", "ready": "#667080", "pending": "#667080", "planned": "#667080", "critical": "#a03fb0",
}  # fmt: skip
_DARK = {
    "succeeded": "#4cc47c", "failed": "#ff7f83", "cancelled": "#e0a94a", "skipped": "#a0a8b4", "running": "#74abf8",
    "waiting": "#e0a94a", "ready": "#a0a8b4", "pending": "#a0a8b4", "planned": "#a0a8b4", "critical": "#dd8dea",
}  # fmt: skip

#: On a field of 16 by 16.
_SIGNS = {
    "succeeded": '<path d="M3 8.5 6.5 12 13 4"/>',
    "failed": '<path d="M3.5 3.5l9 9M12.5 3.5l-9 9"/>',
    "cancelled": '<circle cx="8" cy="8" r="5.5"/><path d="M4.2 11.8l7.6-7.6"/>',
    "skipped": '<path d="M3 4l4 4-4 4M9 4l4 4-4 4"/>',
    "running": '<path fill="currentColor" d="M5 3.5v9l7-4.5z"/>',
    "waiting": '<path d="M5.5 3.5v9M10.5 3.5v9"/>',
    "ready": '<circle cx="8" cy="8" r="4.5"/><circle cx="8" cy="8" r="1"/>',
    "pending": '<circle cx="8" cy="8" r="4.5" stroke-dasharray="2 2"/>',
}

_RULES = """\
.picture{font:13px system-ui,-apple-system,"Segoe UI","Noto Sans","Noto Sans CJK SC",sans-serif;color:inherit}
.picture text{fill:currentColor}
.picture .small{font-size:11.5px;opacity:.8}
.picture .strong{font-weight:600}
.picture a{text-decoration:none;cursor:pointer}
.picture a:hover .name,.picture a.name:hover,.picture a.turn:hover{text-decoration:underline}
.picture a:focus{outline:none}
.picture a:focus-visible{outline:3px solid var(--picture-running);outline-offset:2px;border-radius:4px}
.picture .shape{fill:var(--tone);fill-opacity:.12;stroke:var(--tone);stroke-width:1.2}
.picture .back{fill:none;stroke:var(--tone);stroke-width:1.2;opacity:.7;stroke-linejoin:round}
.picture .is-failed>.shape,.picture .is-running>.shape{stroke-width:2}
.picture .has-failed>.shape{stroke:var(--picture-failed);stroke-width:2}
.picture .is-skipped>.shape{fill-opacity:.04}
.picture .is-later>.shape{stroke-dasharray:5 4;fill-opacity:.04}
.picture .is-member,.picture .is-output,.picture .is-rest{--tone:currentColor}
.picture .is-combiner{--tone:var(--picture-running)}
.picture .is-member>.shape,.picture .is-output>.shape{fill-opacity:.05;stroke-opacity:.5}
.picture .is-rest>.shape{fill-opacity:0;stroke-opacity:.4;stroke-dasharray:5 4}
.picture a.is-member>.shape{stroke:var(--picture-running);stroke-opacity:1}
.picture a.is-member>.name,.picture a.is-combiner>.name{text-decoration:underline}
.picture .frame{fill:currentColor;fill-opacity:.035;stroke:currentColor;stroke-opacity:.38}
.picture .has-failed>.frame{stroke:var(--picture-failed);stroke-opacity:1}
.picture .sign{color:var(--tone);stroke:currentColor;fill:none;stroke-width:1.9;stroke-linecap:round;stroke-linejoin:round}
.picture .edge{fill:none;stroke:currentColor;stroke-opacity:.5;stroke-width:1.3}
.picture .edge.is-fallback{stroke-dasharray:5 4}
.picture .tip{fill:currentColor;fill-opacity:.6}
.picture .toggle rect{fill:currentColor;fill-opacity:.06;stroke:currentColor;stroke-opacity:.6}
.picture .toggle path{stroke:currentColor;stroke-width:1.6;fill:none}
.picture .toggle .reach{fill-opacity:0;stroke:none}
.picture .part{fill:var(--tone)}
.picture .rest{fill:currentColor;fill-opacity:.14}
.picture .turn{text-decoration:underline}
.picture .grid{stroke:currentColor;stroke-opacity:.14;fill:none}
.picture .stripe{fill:currentColor;fill-opacity:.035}
.picture .bar{fill:var(--tone);fill-opacity:.75}
.picture .bar.is-critical{fill-opacity:1;stroke:var(--picture-critical);stroke-width:2}
.picture .plan{fill:none;stroke:currentColor;stroke-opacity:.55;stroke-dasharray:3 2}
.picture .critical{stroke:var(--picture-critical);stroke-width:2;fill:none}
.picture .now{stroke:var(--picture-running);stroke-width:1.6;fill:none}
.picture .forecast{fill:var(--picture-running);fill-opacity:.13}
.picture .expected{stroke:var(--picture-running);stroke-width:1.6;stroke-dasharray:5 4;fill:none}
.picture .area{fill:var(--tone);fill-opacity:.3;stroke:var(--tone);stroke-width:1.2}
.picture .limit{stroke:currentColor;stroke-opacity:.7;stroke-dasharray:6 4;fill:none}
.picture .line{fill:none;stroke:var(--tone);stroke-width:1.8;stroke-linejoin:round}
.picture .dot{fill:var(--tone)}
.picture .middle{text-anchor:middle}
.picture .end{text-anchor:end}"""


def _variables(colors: dict[str, str]) -> str:
    return "".join(f"--picture-{name}:{color};" for name, color in colors.items())


#: For a page's style sheet: of all pictures, however many there are. Pages tell a theme that was chosen by `data-theme`.
STYLE = "\n".join(
    [
        f":root{{{_variables(_LIGHT)}}}",
        f"@media (prefers-color-scheme:dark){{:root{{{_variables(_DARK)}}}}}",
        f':root[data-theme="light"]{{{_variables(_LIGHT)}}}',
        f':root[data-theme="dark"]{{{_variables(_DARK)}}}',
        *(f".picture .is-{state}{{--tone:var(--picture-{state})}}" for state in _LIGHT if state != "critical"),
        _RULES,
        "",
    ]
)


def picture_style(*, is_alone: bool) -> str:
    """The style to stand in a picture; empty: the page has it in its own."""
    return f"<style>\n{STYLE}</style>" if is_alone else ""


def signs(prefix: str) -> str:
    """The signs of states, to be shown with `sign`; pictures of one page need different prefixes."""
    return "".join(
        f'<symbol id="{prefix}-{state}" viewBox="0 0 16 16">{shape}</symbol>' for state, shape in _SIGNS.items()
    )


def sign(prefix: str, state: str, x: float, y: float, size: int = 15) -> str:
    """The sign of a state; a script shows another one by its `href`."""
    known = state if state in _SIGNS else "pending"
    return f'<use class="sign" href="#{prefix}-{known}" x="{x:.0f}" y="{y:.0f}" width="{size}" height="{size}"/>'
