"""Equal parts of objects, kept once.

What is stored is never changed, so one dict can stand in thousands of objects: the containers of all
pods of a template, whose fields somebody manages, a spec from one version of an object to the next.
"""

from __future__ import annotations

from typing import Any

_NOTHING = object()


def shared(new: Any, like: Any) -> Any:
    """`new` made of `like`'s parts wherever they are the same; `like` itself if all of it is.

    The same means of the same types too, for 1 == True == 1.0 are three texts in JSON. Maps and lists
    inside `new` get their equal parts replaced in place.
    """
    if new is like or type(new) is not type(like):
        return new
    if isinstance(new, dict):
        all_same = len(new) == len(like)
        for key, value in new.items():
            known = like.get(key, _NOTHING)
            if value is known:
                continue
            kept = shared(value, known)
            if kept is known:
                new[key] = kept
            else:
                all_same = False
        return like if all_same else new
    if isinstance(new, list):
        all_same = len(new) == len(like)
        for index, (value, known) in enumerate(zip(new, like, strict=False)):
            kept = shared(value, known)
            if kept is known:
                new[index] = kept
            else:
                all_same = False
        return like if all_same else new
    return like if new == like else new
