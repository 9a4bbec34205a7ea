"""Find a block that overrides nothing: Jinja leaves it out without a word."""

from __future__ import annotations

from collections.abc import Iterator

import jinja2
from jinja2 import nodes

from digest.nearest import did_you_mean


def check(environment: jinja2.Environment, name: str) -> None:
    """
    Look at a template that compiled, and at those that it extends.

    Raises:
        jinja2.TemplateAssertionError:
            If a block of one stands in none above. What only rendering can
            tell, as an `extends` under a condition, is left to that.
    """
    if "extends" in _source(environment, name)[0]:  # to parse it once more takes 5 ms
        _known(environment, name, ())


def _known(environment: jinja2.Environment, name: str, below: tuple[str, ...]) -> set[str] | None:
    """Return the blocks of a template and of those above it; None if that is not certain."""
    try:
        source, filename = _source(environment, name)
        tree = environment.parse(source, name, filename)
    except (jinja2.TemplateError, RecursionError):
        return None
    own = {block.name for block in tree.find_all(nodes.Block)}
    extends = list(tree.find_all(nodes.Extends))
    if not extends:
        return own
    parent = _parent(tree, extends)
    above = _known(environment, parent, (name, *below)) if parent and parent not in (name, *below) else None
    if above is None:
        return None
    for block in _outermost(tree):
        if block.name not in above:
            message = f"{parent} has no block {block.name!r}{did_you_mean(block.name, above)}"
            raise jinja2.TemplateAssertionError(message, block.lineno, name, filename)
    return own | above


def _source(environment: jinja2.Environment, name: str) -> tuple[str, str | None]:
    assert environment.loader is not None  # noqa: S101 - a template came from it
    source, filename, _ = environment.loader.get_source(environment, name)
    return source, filename


def _parent(tree: nodes.Template, extends: list[nodes.Extends]) -> str:
    """Return the name of the template that *tree* extends, if it says so once, by name and outside of conditions."""
    [first, *others] = extends
    plain = not others and first in tree.body and isinstance(first.template, nodes.Const)
    return str(first.template.as_const()) if plain else ""


def _outermost(node: nodes.Node) -> Iterator[nodes.Block]:
    """Yield the blocks that are in no other; those inside are new ones."""
    for child in node.iter_child_nodes():
        if isinstance(child, nodes.Block):
            yield child
        else:
            yield from _outermost(child)
