"""What every tone looks like in every theme: the only place with colours for words.

The hues are those of Okabe and Ito, which people with any kind of colour blindness can tell apart,
lightened or darkened to at least 4.5:1 against the theme's background. The `ansi` palette leaves
colours to the terminal.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.theme import Theme
from textual.widget import Widget

from runbook.tui.presenter.spans import Row, Tone
from runbook.tui.safe import Paint

DARK, LIGHT, TERMINAL = "runbook-dark", "runbook-light", "runbook-terminal"

THEMES = (
    Theme(
        name=DARK,
        primary="#56b4e9",
        secondary="#7a8490",
        accent="#e69f00",
        foreground="#d7dce2",
        background="#14171c",
        surface="#14171c",
        panel="#1d2229",
        success="#2fc098",
        warning="#e69f00",
        error="#ff7f50",
        dark=True,
        variables={"edge": "#3a424d", "edge-focus": "#8fa3b8", "scrollbar": "#3a424d"},
    ),
    Theme(
        name=LIGHT,
        primary="#005a8e",
        secondary="#5b6570",
        accent="#8a5a00",
        foreground="#1d232a",
        background="#fafaf7",
        surface="#fafaf7",
        panel="#ecece6",
        success="#00694c",
        warning="#8a5a00",
        error="#a83f00",
        dark=False,
        variables={"edge": "#b9bfc6", "edge-focus": "#4f5d6b", "scrollbar": "#b9bfc6"},
    ),
    Theme(
        name=TERMINAL,
        ansi=True,
        primary="ansi_blue",
        secondary="ansi_default",
        accent="ansi_yellow",
        foreground="ansi_default",
        background="ansi_default",
        surface="ansi_default",
        panel="ansi_default",
        success="ansi_cyan",
        warning="ansi_yellow",
        error="ansi_red",
        dark=True,
        variables={
            "edge": "ansi_default",
            "edge-focus": "ansi_default",
            "scrollbar": "ansi_default",
        },
    ),
)


def _palette(**colours: str) -> Mapping[Tone, Style]:
    strong, busy = colours["strong"], colours["busy"]
    return {
        Tone.PLAIN: Style(),
        Tone.DIM: Style(color=colours["dim"]),
        Tone.STRONG: Style(color=strong, bold=True),
        Tone.BUSY: Style(color=busy, bold=True),
        Tone.ASK: Style(color=colours["ask"], bold=True),
        Tone.WARN: Style(color=colours["ask"]),
        Tone.BAD: Style(color=colours["bad"], bold=True),
        Tone.GOOD: Style(color=colours["good"]),
        Tone.HELD: Style(color=colours["held"]),
        Tone.KEY: Style(color=busy, bold=True),
        Tone.ENTRY: Style(color=strong, bold=True, underline=True),
    }


_ANSI: Mapping[Tone, Style] = {
    Tone.PLAIN: Style(),
    Tone.DIM: Style(dim=True),
    Tone.STRONG: Style(bold=True),
    Tone.BUSY: Style(color="blue", bold=True),
    Tone.ASK: Style(color="yellow", bold=True),
    Tone.WARN: Style(color="yellow"),
    Tone.BAD: Style(color="red", bold=True),
    Tone.GOOD: Style(color="cyan"),
    Tone.HELD: Style(color="yellow"),
    Tone.KEY: Style(bold=True),
    Tone.ENTRY: Style(bold=True, underline=True),
}
PALETTES: Mapping[str, Mapping[Tone, Style]] = {
    DARK: _palette(
        dim="#8b95a1", strong="#ffffff", busy="#56b4e9",
        ask="#f0a818", bad="#ff7f50", good="#2fc098", held="#e6d64a",
    ),
    LIGHT: _palette(
        dim="#5b6570", strong="#000000", busy="#005a8e",
        ask="#8a5a00", bad="#a83f00", good="#00694c", held="#6b5900",
    ),
}  # fmt: skip
CURSOR = Style(reverse=True)
HIT = Style(reverse=True, bold=True)

_ASCII = str.maketrans({"…": "~", "│": "|", "–": "-", "·": "."})
"""Our own signs for terminals that have no others; one column stays one column."""


class Toned(Widget):
    """A widget that turns rows of tones into segments of the present theme."""

    _tones: dict[Tone | Paint, Style] | None = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._tones = None

    @property
    def ascii_only(self) -> bool:
        return self.app.has_class("-ascii")

    def tone_style(self, tone: Tone | Paint) -> Style:
        """The style of a tone, or of colours that a command asked for, on this widget's ground."""
        if self._tones is None:
            self._tones = {}
        style = self._tones.get(tone)
        if style is None:
            if isinstance(tone, Tone):
                own = PALETTES.get(self.app.theme, _ANSI)[tone]
            else:
                own = _painted(tone)
            style = self._tones[tone] = self.rich_style + own
        return style

    def segments(self, row: Row) -> list[Segment]:
        pieces = [(span.text, span.tone) for span in row if span.text]
        return [Segment(self.drawn(text), self.tone_style(tone)) for text, tone in pieces]

    def drawn(self, text: str) -> str:
        return text.translate(_ASCII) if self.ascii_only else text


def _painted(paint: Paint) -> Style:
    return Style(
        color=_colour(paint.foreground),
        bgcolor=_colour(paint.background),
        bold=paint.bold or None,
        dim=paint.dim or None,
        italic=paint.italic or None,
        underline=paint.underline or None,
        reverse=paint.reverse or None,
    )


def _colour(value: int | tuple[int, int, int] | None) -> str | None:
    if value is None:
        return None
    return f"color({value})" if isinstance(value, int) else "#{:02x}{:02x}{:02x}".format(*value)
