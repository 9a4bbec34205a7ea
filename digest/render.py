"""
Render a context through a sandboxed template into Markdown.

https://jinja.palletsprojects.com/en/stable/sandbox/ is the specification: only
plain data goes in, nothing can be changed, and errors are expected both while
compiling and while rendering.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any, cast

import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

from digest.blocks import check
from digest.context import Context
from digest.errors import TemplateError
from digest.filters import FILTERS
from digest.nearest import did_you_mean
from digest.templates import TemplateFile
from digest.text import Text

#: Bytes. The job summary holds 1 MiB a step, and no chat shows that much.
MAX_OUTPUT = 900 * 1024
#: Globals of Jinja that make text out of nothing or keep state.
_UNWANTED_GLOBALS = ("lipsum", "cycler", "joiner")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_LINES = re.compile(r"\n{3,}")
_VARIABLES = tuple(field.name for field in dataclasses.fields(Context))


class Template:
    """
    A template that compiled.

    Args:
        file:
            The template to start from; what it extends or includes is looked
            up beside it, after the built-in ones.

    Raises:
        TemplateError:
            If it cannot be read or compiled, or overrides a block that is not
            there. The text starts with file and line.
    """

    def __init__(self, file: TemplateFile) -> None:
        """Read and compile *file*."""
        self._file = file
        self._loader = _Loader(file)
        self._environment = _environment(self._loader)
        self._template: jinja2.Template = self._guard(lambda: self._environment.get_template(file.name))
        self._guard(lambda: check(self._environment, file.name))

    def render(self, context: Context) -> str:
        """
        Return the Markdown of *context*, whose untrusted text is still shielded.

        No blank line stands twice, and there is one newline at the end.
        `digest.text.reveal` makes it Markdown for anybody, `digest.markdown`
        a tree.

        Raises:
            TemplateError:
                If rendering fails or yields more than `MAX_OUTPUT` bytes.
        """
        variables = {name: getattr(context, name) for name in _VARIABLES}
        markdown = self._guard(lambda: "".join(self._bounded(self._template.generate(variables))))
        markdown = _LONE_SURROGATE.sub("\N{REPLACEMENT CHARACTER}", markdown)
        message = _BLANK_LINES.sub("\n\n", markdown).strip()
        if not message:
            text = f"{self._file.name}: the template rendered nothing, and an empty message is not posted"
            raise TemplateError(text)
        return message + "\n"

    def _bounded(self, chunks: Iterator[str]) -> Iterator[str]:
        size = 0
        for chunk in chunks:
            size += len(chunk.encode("utf-8", "replace"))
            if size > MAX_OUTPUT:
                text = f"the message grew over {MAX_OUTPUT // 1024} KiB; is a loop running away?"
                # Raised inside the template, so that the error tells its line.
                cast("Generator[str]", chunks).throw(jinja2.TemplateRuntimeError(text))
            yield chunk

    def _guard(self, work: Callable[[], Any]) -> Any:
        """Do *work*, with whatever a template can raise turned into one line with its place."""
        try:
            return work()
        except jinja2.TemplateSyntaxError as error:
            # Of a comment or a block without an end, Jinja has the file where the name belongs.
            shown = self._loader.shown(error.filename or error.name)
            raise TemplateError(f"{shown or error.name or self._file.name}:{error.lineno}: {error.message}") from None
        except jinja2.TemplateNotFound as error:
            text = f"{self._place(error)}: {self._loader.missing.get(str(error.name), error.message)}"
            raise TemplateError(text) from None
        except Exception as error:  # noqa: BLE001 - a template may call anything with anything
            raise TemplateError(f"{self._place(error)}: {_described(error)}") from None

    def _place(self, error: BaseException) -> str:
        """Return file and line of the innermost template frame; Jinja rewrites tracebacks so."""
        place, traceback = self._file.name, error.__traceback__
        while traceback is not None:
            shown = self._loader.shown(traceback.tb_frame.f_code.co_filename)
            place = f"{shown}:{traceback.tb_lineno}" if shown else place
            traceback = traceback.tb_next
        return place


class _Loader(jinja2.BaseLoader):
    """Load the entry template by its name, and all others as its siblings."""

    def __init__(self, entry: TemplateFile) -> None:
        self._entry = entry
        self._names: dict[str, str] = {}
        #: Why a template that was asked for is not there, by the name asked for.
        self.missing: dict[str, str] = {}

    def get_source(self, _environment: jinja2.Environment, template: str) -> tuple[str, str, Callable[[], bool]]:
        file = self._entry if template == self._entry.name else self._entry.sibling(template)
        try:
            source = file.read()
        except ValueError as error:
            self.missing[template] = str(error)
            raise jinja2.TemplateNotFound(template) from None
        filename = str(Path(file.path))
        self._names[filename] = file.name
        return source, filename, lambda: True

    def shown(self, filename: str | None) -> str | None:
        """Return how people call the template that was loaded from *filename*, or None."""
        return self._names.get(filename or "")


class _Environment(ImmutableSandboxedEnvironment):
    """The sandbox, in which a key of the data wins over a method of its mapping."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, dict) and attribute in obj:
            return obj[attribute]
        return super().getattr(obj, attribute)


class _Undefined(jinja2.StrictUndefined):
    """A variable that is not there; says which known one is nearest."""

    __slots__ = ()

    @property
    def _undefined_message(self) -> str:
        usual = super()._undefined_message
        if self._undefined_hint:
            return usual
        if self._undefined_obj is jinja2.utils.missing:
            return f"{usual}{did_you_mean(self._undefined_name, _VARIABLES)}"
        return _lacking(self._undefined_obj, self._undefined_name) or usual


def _environment(loader: _Loader) -> _Environment:
    environment = _Environment(
        loader=loader,
        undefined=_Undefined,
        autoescape=False,  # the output is Markdown; `digest.text` shields what is not ours
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(FILTERS)
    for name in _UNWANTED_GLOBALS:
        del environment.globals[name]
    return environment


def _lacking(owner: object, name: object) -> str:
    """Return that *owner* has no *name*, in the words of the README; nothing if that is not about its data."""
    if owner is None:
        return f"null has no {name!r}; ask for it inside of an `if` only"
    if isinstance(owner, dict):
        return f"there is no {name!r} in it{did_you_mean(name, owner)}"
    if isinstance(owner, tuple | list) and isinstance(name, str):
        return f"a list has no {name!r}, though its items may; loop over it"
    if isinstance(owner, Text):
        return f"this text has no {name!r}{did_you_mean(name, ['raw'])}"
    if dataclasses.is_dataclass(owner):
        kind = type(owner).__name__.removeprefix("Shown").lower()
        return f"this {kind} has no {name!r}{did_you_mean(name, [field.name for field in dataclasses.fields(owner)])}"
    return ""


def _described(error: Exception) -> str:
    if isinstance(error, jinja2.TemplateError):
        return error.message or type(error).__name__
    if isinstance(error, MemoryError):
        return "the template needs too much memory; is a text or a loop running away?"
    if isinstance(error, TimeoutError):
        return str(error)
    if isinstance(error, RecursionError):
        return "the template includes or calls itself without end"
    return f"{type(error).__name__}: {error}"
