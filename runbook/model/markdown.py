"""What a written procedure holds that a runbook is made of: headings, prose, commands, things to tick. Pure.

CommonMark is read by markdown-it; here its tokens become a flat list, in the order of the page.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from markdown_it import MarkdownIt
from markdown_it.token import Token

_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
_TICK = re.compile(r"\[[ xX]\]\s+")


@dataclass(frozen=True, slots=True)
class Block:
    """One piece. `line` counts from 1; `level` is that of a heading, `language` that of code."""

    kind: Literal["heading", "prose", "code", "tick", "numbered", "bullet"]
    text: str
    line: int
    level: int = 0
    language: str = ""
    link: str = ""
    """The first address in it."""


def read(text: str) -> list[Block]:
    """The pieces of a page; never an error, because every text is Markdown."""
    front = _FRONT_MATTER.match(text)
    skipped = front[0].count("\n") if front else 0
    body = "\n" * skipped + text[front.end() :] if front else text
    return list(_blocks(MarkdownIt("commonmark").parse(body)))


def _blocks(tokens: list[Token]) -> Iterator[Block]:
    lists: list[str] = []
    fresh = False
    """Whether the next text is the first of a list's item."""
    for index, token in enumerate(tokens):
        line = token.map[0] + 1 if token.map else 0
        match token.type:
            case "ordered_list_open" | "bullet_list_open":
                lists.append(token.type)
            case "ordered_list_close" | "bullet_list_close":
                lists.pop()
            case "list_item_open":
                fresh = True
            case "fence" | "code_block":
                words = token.info.split()
                yield Block("code", token.content, line, language=words[0].lower() if words else "")
                fresh = False
            case "inline":
                before = tokens[index - 1]
                yield from _text(token, before, line, lists[-1] if lists and fresh else "")
                fresh = False


def _text(token: Token, before: Token, line: int, item_of: str) -> Iterator[Block]:
    text, link = _plain(token)
    if not text:
        return
    if before.type == "heading_open":
        yield Block("heading", text, line, level=int(before.tag[1:]), link=link)
    elif item_of and (found := _TICK.match(text)):
        yield Block("tick", text[found.end() :], line, link=link)
    elif item_of == "ordered_list_open":
        yield Block("numbered", text, line, link=link)
    elif item_of:
        yield Block("bullet", text, line, link=link)
    else:
        yield Block("prose", text, line, link=link)


def _plain(token: Token) -> tuple[str, str]:
    """Its words without marks, code in backquotes; and the first address that it links to."""
    parts: list[str] = []
    link = ""
    for child in token.children or ():
        match child.type:
            case "text" | "html_inline":
                parts.append(child.content)
            case "code_inline":
                parts.append(f"`{child.content}`")
            case "softbreak" | "hardbreak":
                parts.append(" ")
            case "link_open":
                href = str(child.attrGet("href") or "")
                link = link or (href if href.startswith(("http://", "https://")) else "")
    return " ".join("".join(parts).split()), link
