"""Finds the forms of known values in a piece of data. Immutable, so a thread may go on with its own.

Every form is found by its first `HEAD` characters, all at once (Aho-Corasick), and then compared as a
whole; so the search costs the same for a password and for a certificate, and holds each form once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ahocorasick import Automaton

from runbook.redact.patterns import Found
from runbook.redact.views import (
    BLANKS,
    BREAKS,
    CONTIGUOUS,
    ESCAPE,
    OPEN_ESCAPE,
    WIDEST_GAP,
    View,
)

HEAD = 6
"""Characters by which a form is found; no form is shorter."""
LONG = 12
"""Characters from which a form is found with blanks in between: shorter ones would mask columns."""


class _Lookup:
    """Forms that are looked for in one kind of view."""

    def __init__(self, left_out: bytes, forms: Iterable[tuple[bytes, bytes]]) -> None:
        self.left_out = left_out
        self.automaton = Automaton()
        self.beginnings: set[bytes] = set()
        by_head: dict[bytes, list[tuple[bytes, bytes]]] = {}
        for form, mask in forms:
            by_head.setdefault(form[:HEAD], []).append((form, mask))
            self.beginnings.update(form[:size] for size in range(1, HEAD))
        for head, same in by_head.items():
            same.sort(key=lambda pair: -len(pair[0]))
            self.automaton.add_word(head.decode("latin-1"), same)
        self.automaton.make_automaton()

    def find(
        self, view: View, found: list[Found], unfinished: list[int], tail: int, *, final: bool
    ) -> None:
        text = view.text
        size = len(text)
        for last, forms in self.automaton.iter(text.decode("latin-1")):
            start = last - HEAD + 1
            for form, mask in forms:
                end = start + len(form)
                if end <= size:
                    if text.startswith(form, start) and view.holds_together(start, end):
                        places = view.places
                        place = places[start]
                        found.append(Found(place, places[end - 1] + 1, mask, place))
                        break
                elif not final and form.startswith(text[start:]):
                    self._unfinished(view, start, tail, unfinished)
        if not final:
            for length in range(1, min(HEAD, size + 1)):
                if text[-length:] in self.beginnings:
                    self._unfinished(view, size - length, tail, unfinished)

    @staticmethod
    def _unfinished(view: View, start: int, tail: int, unfinished: list[int]) -> None:
        length = len(view.text) - start
        if not tail and (place := view.at_the_end(length)) is not None:
            unfinished.append(place)
            return
        gap = view.trailing + tail if length >= CONTIGUOUS else WIDEST_GAP + 1
        if gap <= WIDEST_GAP and view.holds_together(start, len(view.text)):
            unfinished.append(view.places[start])


class Matcher:
    """The forms known at one moment. `masks` maps each form to what replaces it."""

    def __init__(self, masks: Mapping[bytes, bytes]) -> None:
        long: dict[bytes, bytes] = {}
        short: dict[bytes, bytes] = {}
        exact: dict[bytes, bytes] = {}
        for form, mask in masks.items():
            bare = form.translate(None, BLANKS)
            if len(bare) >= LONG:
                long.setdefault(bare, mask)
            # With a blank of its own so early, a form does not hold together where blanks are left out.
            if len(bare) < LONG or form[: HEAD + 1] != bare[: HEAD + 1]:
                shown = form.translate(None, BREAKS)
                if len(shown) >= HEAD:
                    short.setdefault(shown, mask)
            if form.translate(None, BREAKS) != form:
                exact[form] = mask
        self._lookups = [
            _Lookup(left_out, forms.items())
            for left_out, forms in ((BREAKS, short), (BLANKS, long), (b"", exact))
            if forms
        ]

    def find(self, data: bytes, *, final: bool) -> tuple[list[Found], list[int], int]:
        """Occurrences, places where the end of `data` cuts one, and where it cuts an escape sequence.

        The last is the size of `data` when it cuts none.
        """
        found: list[Found] = []
        unfinished: list[int] = []
        cut = len(data)
        escapes: list[tuple[int, int]] = []
        if b"\x1b" in data:
            opened = None if final else OPEN_ESCAPE.search(data, max(0, len(data) - 40))
            cut = opened.start() if opened else len(data)
            escapes = [match.span() for match in ESCAPE.finditer(data, 0, cut)]
        for lookup in self._lookups:
            view = View(data, lookup.left_out, [])
            lookup.find(view, found, unfinished, 0, final=final)
            if escapes or cut < len(data):
                shown = View(data[:cut], lookup.left_out, escapes)
                lookup.find(shown, found, unfinished, len(data) - cut, final=final)
        return found, unfinished, cut
