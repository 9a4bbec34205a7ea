"""Make the parts of a message for a chat that says what fits."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any, TypeAlias

from digest.destinations.protocol import Message, Payload
from digest.document import Block, Link, Paragraph, Plain, Styled, visible
from digest.split import Blocks, split

Body: TypeAlias = "Mapping[str, Any]"
Write: TypeAlias = Callable[[Blocks], Body]

#: A longer message is no digest, and nobody reads it in a chat.
MOST_PARTS = 5


def parts(
    message: Message,
    write: Write,
    fits: Callable[[Body], bool],
    *,
    simpler: Sequence[Write] = (),
) -> list[Payload]:
    """
    Return the parts of *message*, each of which fits.

    Args:
        write:
            Makes the body of some blocks.
        fits:
            Whether a body is within the chat's limits; the simpler ones are to be, too.
        simpler:
            Make bodies that say the same with less.
    """
    most = MOST_PARTS if message.overflow == "split" else 1
    # Chats refuse a message without a word.
    blocks = message.blocks if visible(message.blocks).strip() else (Paragraph((Plain(message.title),)),)
    found, omitted = split(
        blocks,
        lambda part: all(fits(make(part)) for make in (write, *simpler)),
        most=most,
        notice=lambda count: _notice(count, message),
    )
    last = len(found) - 1
    return [
        Payload(write(part), tuple(_distinct(write, simpler, part)), omitted if index == last else 0)
        for index, part in enumerate(found)
    ]


def utf16(text: str) -> int:
    """
    Return the length of *text* in UTF-16 units, the stricter reading of "characters".

    >>> utf16("aé🎥")
    4
    """
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def _distinct(write: Write, simpler: Sequence[Write], part: Blocks) -> list[Body]:
    """Return the simpler bodies that differ from the one before."""
    bodies = [write(part), *(make(part) for make in simpler)]
    return [body for before, body in pairwise(bodies) if body != before]


def _notice(omitted: int, message: Message) -> Block:
    said = Plain(f"The message is cut here: {omitted:,} characters are left out. ")
    if message.more_url is None:
        return Paragraph((Styled("emphasis", (Plain(said.text.strip()),)),))
    return Paragraph((Styled("emphasis", (said,)), Link(message.more_url, (Plain("Read all of it"),))))
