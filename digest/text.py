"""
Text from outside, made safe for whatever a template does with it.

A creator may be called ``*a* <!channel>`` or ``1. item``. Backslash escapes
would be undone by the first filter that cuts or replaces, so the characters
that mean something in Markdown are *shielded*: swapped, one for one, for
private-use characters that no Markdown parser and no chat gives a meaning to.
Length, slicing, case and sorting keep working. `reveal` turns what is left of
them into backslash escapes when the template is done.
"""

from __future__ import annotations

import re
import unicodedata
import urllib.parse

#: Creator names have 1-255 characters, so nothing longer is a name.
#: https://docs.creatoraudit.com/api-reference/creators/create-a-creator
LONGEST = 255

#: Supplementary Private Use Area-B: its first 128 characters stand for ASCII.
_SHIELD = 0x100000
_PUNCTUATION = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
_SHIELDING = {ord(char): _SHIELD + ord(char) for char in _PUNCTUATION}
_SHIELDED = re.compile(f"[{chr(_SHIELD)}-{chr(_SHIELD + 0x7F)}]")
_COLON, _DOT, _SLASH, _AT = (chr(_SHIELD + ord(char)) for char in ":./@")
#: Where `https://`, `evil.test` and `a@b` become links: after the colon, the dot, the at sign.
_ADDRESS = re.compile(rf"{_COLON}(?={_SLASH})|(?<=\w){_DOT}(?=[^\W\d])|(?<=\w){_AT}(?=\w)")

#: Zero-width non-joiner and joiner, which scripts and emoji families need.
_JOINERS = "\u200c\u200d"
#: Cc control, Cf format (bidirectional overrides, zero-width space, tags),
#: Co private use, Cs lone surrogate, Zl and Zp line ends.
_UNPRINTABLE = frozenset({"Cc", "Cf", "Co", "Cs", "Zl", "Zp"})


def clean(text: str, longest: int = LONGEST) -> str:
    r"""
    Return *text* as one printable line of at most *longest* characters.

    >>> clean("  Zoë\nNguyễn\u202e ")
    'Zoë Nguyễn'
    >>> clean("abcdef", longest=4)
    'abc…'
    """
    # Cut first: a name of a megabyte costs no more than a long one.
    text = text[: 4 * longest]
    text = "".join(char if _printable(char) else " " if char.isspace() else "" for char in text)
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1] + "…"


def _printable(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) not in _UNPRINTABLE


class Text(str):
    r"""
    Untrusted text for a template: shielded as a string, as it arrived under `raw`.

    >>> name = Text("*Zoë*")
    >>> len(name), name.raw
    (5, '*Zoë*')
    >>> print(reveal(f"**{name}**"), reveal(name[:3].upper()))
    **\*Zoë\*** \*ZO

    Attributes:
        raw:
            The text unshielded: Markdown in it is live. Cleaned all the same.
    """

    __slots__ = ("raw",)
    raw: str

    def __new__(cls, text: str) -> Text:
        """Clean and shield *text*."""
        raw = clean(text)
        self = super().__new__(cls, raw.translate(_SHIELDING))
        self.raw = raw
        return self

    def __reduce__(self) -> tuple[type[Text], tuple[str]]:
        """Travel to another process as the raw text."""
        return Text, (self.raw,)


def reveal(markdown: str) -> str:
    r"""
    Return *markdown* with each shielded character that could be markup as a backslash escape.

    >>> print(reveal(Text("Zoë & Co. <b> *a*")))
    Zoë & Co. \<b> \*a\*
    >>> print(reveal(Text("1. https://evil.test")))
    1\. https\://evil.test
    """
    return _SHIELDED.sub(_revealed, markdown)


def _revealed(match: re.Match[str]) -> str:
    char = _unshielded(match[0])
    return f"\\{char}" if _could_be_markup(char, match.string, match.start()) else char


def _could_be_markup(char: str, markdown: str, index: int) -> bool:
    """
    Return whether *char* at *index* could mean something there.

    CommonMark 0.31, and GitHub's tables, strikethrough and bare links. Too
    many escapes would do no harm, but people read them in plain text.
    """
    if char in "\\`*_[]<~|":
        return True
    following = _unshielded(markdown[index + 1 : index + 2])
    if char == "&":
        return following.isalnum() or following == "#"
    if char == ":":
        return following == "/"
    if char == "." and markdown[max(0, index - 3) : index].lower() == "www":
        return True
    return char in "#+-=.)>" and _opens_line(markdown, index)


def _opens_line(markdown: str, index: int) -> bool:
    """Return whether only white space, digits and markers stand before *index* on its line."""
    before = markdown[markdown.rfind("\n", 0, index) + 1 : index]
    return not _unshielded(before).strip(" \t0123456789.)>*+-#=")


def unshield(text: str) -> str:
    r"""
    Return *text* with its shielded characters as they were, for a place where text is literal.

    A chat makes links of its own out of bare addresses, so a shielded one gets
    an invisible WORD JOINER where a link would be recognised.

    >>> ascii(unshield(Text("*J. Doe* evil.test")))
    "'*J. Doe* evil.\\u2060test'"
    """
    return _unshielded(_ADDRESS.sub(lambda match: match[0] + "\N{WORD JOINER}", text))


def quote(url: str) -> str:
    """
    Return *url* with its shielded characters percent-encoded, so that they cannot lead it elsewhere.

    >>> quote("https://app.test/c/" + Text("a/../b-1"))
    'https://app.test/c/a%2F..%2Fb-1'
    """
    return _SHIELDED.sub(lambda match: urllib.parse.quote(_unshielded(match[0]), safe=""), url)


def _unshielded(text: str) -> str:
    return _SHIELDED.sub(lambda match: chr(ord(match[0]) - _SHIELD), text)
