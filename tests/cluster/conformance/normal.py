"""What two clusters may say differently about the same state: names, numbers and times of their own.

Each of these becomes a word in angle brackets. Everything else has to be the same, letter by letter.
"""

from __future__ import annotations

import re
from collections.abc import Callable

_CHANCE = "[bcdfghjklmnpqrstvwxz2456789]"  # the letters of a generated name
_RULES = [
    (r"/tmp/[\w-]+(?:\.\w+)?", "<file>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4} UTC", "<time>"),
    (r"https://(127\.0\.0\.1|localhost):\d+", "<server>"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)", "<time>"),
    (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+ [+-]\d{4}", "<time>"),
    (r"^[IWEF]\d{4} \d\d:\d\d:\d\d\.\d+ +\d+ ", "<log> "),
    # How a watch ended depends on the version of HTTP, and is the client's own affair.
    (r"^<log> reflector\.go:.*\n", ""),
    (r"\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d [+-]\d{4}", "<time>"),
    (r"\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "<uid>"),
    (r'(resourceVersion\\?"?: ?)\\?"?\d+\\?"?', r"\1<version>"),
    (r"(Resource Version: +)\d+", r"\1<version>"),
    # An echo of the whole object: its fields are in no order that means anything.
    (r'(patch: Invalid value: )"\{.*\}": ', r"\1<object>: "),
    (r"\b\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}\b(?!/\d)", "<ip>"),
    (r"\b(practice-)?node-\d\b", "<node>"),
    (rf"-{_CHANCE}{{8,10}}-{_CHANCE}{{5}}\b", "-<hash>-<chance>"),
    (rf"-(?=\w*\d){_CHANCE}{{8,10}}\b", "-<hash>"),
    (rf"-{_CHANCE}{{5}}\b(?!-)", "-<chance>"),
    (rf"(pod-template-hash\"?[=:] ?\"?){_CHANCE}+", r"\1<hash>"),
    (r"0/\d+ nodes are available: \d+ ", "0/<n> nodes are available: <n> "),
    (r"(?<=[:>])3\d{4}(?=/(TCP|UDP))", "<port>"),
    (r"(nodePort\"?: )\d+", r"\1<port>"),
    (r"(NodePort: .*)\b3\d{4}/", r"\1<port>/"),
    (r"(?<=[\s(])(?:\d+[smhdy]){1,2}(?=[\s)]|$)", "<age>"),
    # How often something was said is a matter of when one looks.
    (r"<age> \(x\d+ over <age>\)", "<age>"),
    (r"^ {20,}", "<indent>"),
    (r"(?<=\S) {2,}", "  "),
    (r"(?<=\S)[ \t]+$", ""),
]
# A cluster has any number of nodes: what is said of each alike counts once.
_NODE_LINE = re.compile(r"^(.*<node>.*)\n(\1\n)+", re.MULTILINE)
_COMPILED = [(re.compile(pattern, re.MULTILINE), better) for pattern, better in _RULES]


def normal(text: str) -> str:
    for pattern, better in _COMPILED:
        text = pattern.sub(better, text)
    for chosen in (_is_cause, _is_event):
        text = _in_order(text, chosen)
    text = _NODE_LINE.sub(r"\1\n", text)
    return _in_order(text, _is_row) if "<chance>" in text or "<hash>" in text else text


def _in_order(text: str, chosen: Callable[[str], bool]) -> str:
    """Neighbouring lines that may be in any order: names that were generated sort by chance."""
    lines = text.split("\n")
    begin = 0
    while begin < len(lines):
        end = begin
        while end < len(lines) and chosen(lines[end]):
            end += 1
        lines[begin:end] = sorted(lines[begin:end])
        begin = max(end, begin + 1)
    return "\n".join(lines)


def _is_row(line: str) -> bool:
    return bool(re.match(r"\S*-<(hash|chance)>", line))


def _is_event(line: str) -> bool:
    """What happened at almost the same time is told in any order."""
    return bool(re.match(r"(  |\S+  )(Normal|Warning)  ", line))


def _is_cause(line: str) -> bool:
    """One of several reasons; custom resources are validated in the order of Go's maps: none."""
    return line.startswith("* ")
