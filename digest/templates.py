"""
Find template files: built-in ones, and a team's own inside its workspace.

A template of the team is a file of the checked-out repository. It may be a
symbolic link or lie behind one, so paths are resolved before they are judged.
"""

from __future__ import annotations

import stat
from dataclasses import dataclass
from pathlib import Path

#: A template is written by people; a larger file is a mistake.
MAX_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class TemplateFile:
    """
    One template that may be read.

    Attributes:
        name:
            How people call it: a built-in name, or its path in the workspace
            with forward slashes, which starts with ``./`` if it would
            otherwise be a built-in name.
        path:
            The file.
        root:
            The folder that it and all that it includes must lie in.
    """

    name: str
    path: Path
    root: Path

    def sibling(self, name: str) -> TemplateFile:
        """Return the template that this one calls *name*: a built-in one, or a file beside it."""
        builtin = builtin_template(name)
        if builtin is not None:
            return builtin
        path = self.path.parent / name
        return TemplateFile(_shown(path, self.root), path, self.root)

    def read(self) -> str:
        """
        Return the text of the template.

        Raises:
            ValueError:
                If the file is missing, outside its root, not a regular file,
                not UTF-8, or larger than `MAX_BYTES`. Says which, and the fix.
        """
        path = self._resolve()
        try:
            with path.open("rb") as file:
                content = file.read(MAX_BYTES + 1)
        except OSError as error:
            message = f"{self.name} cannot be read ({type(error).__name__}); look at its permissions"
            raise ValueError(message) from None
        if len(content) > MAX_BYTES:
            message = f"{self.name} is larger than {MAX_BYTES // 1024} KiB; a template must be smaller"
            raise ValueError(message)
        return _decode(self.name, content)

    def _resolve(self) -> Path:
        try:
            path = self.path.resolve(strict=True)
            mode = path.stat().st_mode
        except (OSError, RuntimeError, ValueError):  # RuntimeError: a loop of links, before Python 3.13
            message = (
                f"there is no file {self.name} in the workspace; check out the repository before this step"
                f" (actions/checkout), or name a built-in template: {', '.join(builtin_names())}"
            )
            raise ValueError(message) from None
        if not path.is_relative_to(self.root.resolve()):
            message = f"{self.name} lies outside the workspace; a template must be a file of the checked-out repository"
            raise ValueError(message)
        if not stat.S_ISREG(mode):
            what = "a folder" if stat.S_ISDIR(mode) else "not a regular file"
            message = f"{self.name} is {what}; name the template file itself"
            raise ValueError(message)
        return path


def locate(name: str, workspace: Path) -> TemplateFile:
    """
    Return the template that the input `template` names.

    A built-in name wins; ``./weekly.md.j2`` means the workspace's own file.
    The file is not looked at yet: `TemplateFile.read` does that.
    """
    builtin = builtin_template(name)
    if builtin is not None:
        return builtin
    path = workspace / name
    return TemplateFile(_shown(path, workspace), path, workspace)


def builtin_template(name: str) -> TemplateFile | None:
    """Return the built-in template of that name, or None."""
    if name not in builtin_names():
        return None
    folder = builtin_folder()
    return TemplateFile(name, folder / name, folder)


def builtin_names() -> list[str]:
    """Return the names of the built-in templates, sorted."""
    return sorted(path.name for path in builtin_folder().glob("*.j2"))


def builtin_folder() -> Path:
    """
    Return the folder of the built-in templates.

    A wheel carries them inside the package; the action's checkout has them in
    its top-level ``templates/``.
    """
    packaged = Path(__file__).with_name("templates")
    return packaged if packaged.is_dir() else Path(__file__).parents[1] / "templates"


def _shown(path: Path, root: Path) -> str:
    """Return *path* as people write it: relative to *root*, with forward slashes, and never as a built-in name."""
    shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()
    return f"./{shown}" if shown in builtin_names() else shown


def _decode(name: str, content: bytes) -> str:
    if b"\0" in content:
        message = f"{name} is a binary file; a template is text in UTF-8"
        raise ValueError(message)
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        message = f"{name}:{line}: a byte is not UTF-8; save the template as UTF-8"
        raise ValueError(message) from None
