"""Which files may be templates, and what the user is told about those that may not."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from digest.templates import MAX_BYTES, builtin_folder, builtin_names, builtin_template, locate


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    """Return a workspace with a secret beside it."""
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "secret").write_text("s3cr3t", encoding="utf-8")
    return folder


def _fault(name: str, workspace: Path) -> str:
    with pytest.raises(ValueError, match=r".") as caught:
        locate(name, workspace).read()
    return str(caught.value)


def test_builtin__found_by_name(workspace: Path) -> None:
    """A name without a folder is first looked for among the built-in templates."""
    assert "weekly.md.j2" in builtin_names()
    assert locate("weekly.md.j2", workspace).read() == (builtin_folder() / "weekly.md.j2").read_text(encoding="utf-8")
    assert builtin_template("sample.json") is None


def test_builtin__not_hijacked(workspace: Path) -> None:
    """A file of the workspace that is called like a built-in template is not it; `./` names that file."""
    (workspace / "weekly.md.j2").write_text("ours", encoding="utf-8")
    assert locate("weekly.md.j2", workspace).read() != "ours"
    ours = locate("./weekly.md.j2", workspace)
    assert (ours.name, ours.read()) == ("./weekly.md.j2", "ours")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("ours.j2", "ours.j2"),
        ("./ours.j2", "ours.j2"),
        ("a/b/ours.j2", "a/b/ours.j2"),
        ("a/../ours.j2", "a/../ours.j2"),
        (".github/weekly.md.j2", ".github/weekly.md.j2"),
    ],
)
def test_workspace_file__is_called_by_its_path(workspace: Path, name: str, shown: str) -> None:
    """A file of the workspace is called by its path there."""
    path = workspace / name
    path.parent.mkdir(parents=True, exist_ok=True)
    (workspace / "a").mkdir(exist_ok=True)
    path.write_text("text\r\n", encoding="utf-8", newline="")
    file = locate(name, workspace)
    assert (file.name, file.read()) == (shown, "text\r\n")
    assert locate(str(workspace / "a" / ".." / name), workspace).read() == "text\r\n"


def test_workspace_file__absolute_path(workspace: Path) -> None:
    """An absolute path into the workspace, as `github.workspace` gives it, is shown relative to it."""
    (workspace / "ours.j2").write_text("x", encoding="utf-8")
    assert locate(str(workspace / "ours.j2"), workspace).name == "ours.j2"


def test_sibling__builtin_first_then_beside(workspace: Path) -> None:
    """What a template names is a built-in one, or a file beside it."""
    (workspace / "team").mkdir()
    (workspace / "team" / "part.j2").write_text("part", encoding="utf-8")
    (workspace / "team" / "weekly.md.j2").write_text("ours", encoding="utf-8")
    file = locate("team/main.j2", workspace)
    assert (file.sibling("part.j2").name, file.sibling("part.j2").read()) == ("team/part.j2", "part")
    assert file.sibling("weekly.md.j2") == builtin_template("weekly.md.j2")
    assert file.sibling("./weekly.md.j2").read() == "ours"


def test_read__byte_order_mark(workspace: Path) -> None:
    """The mark that some editors put first is no part of the text."""
    (workspace / "bom.j2").write_bytes("\ufeff# Hi".encode())
    assert locate("bom.j2", workspace).read() == "# Hi"


def test_read__largest(workspace: Path) -> None:
    """A template may have 256 KiB, and not a byte more."""
    (workspace / "large.j2").write_bytes(b"x" * MAX_BYTES)
    assert len(locate("large.j2", workspace).read()) == 256 * 1024
    with (workspace / "large.j2").open("ab") as file:
        file.write(b"x")
    assert _fault("large.j2", workspace) == "large.j2 is larger than 256 KiB; a template must be smaller"


def test_read__links_inside_the_workspace(workspace: Path) -> None:
    """A symbolic link is followed where it stays inside."""
    (workspace / "real.j2").write_text("real", encoding="utf-8")
    (workspace / "link.j2").symlink_to("real.j2")
    assert locate("link.j2", workspace).read() == "real"


def test_read__workspace_behind_a_link(workspace: Path) -> None:
    """The workspace itself may be reached through a link, as on macOS."""
    (workspace / "ours.j2").write_text("x", encoding="utf-8")
    link = workspace.parent / "link"
    link.symlink_to(workspace, target_is_directory=True)
    assert locate("ours.j2", link).read() == "x"


@pytest.mark.parametrize("name", ["no.j2", "no/no.j2", "nul\0.j2", "loop.j2", "gone.j2", "file.j2/x", "x" * 5000])
def test_read__missing(workspace: Path, name: str) -> None:
    """A file that is not there is named, with the two likely fixes."""
    (workspace / "loop.j2").symlink_to("loop.j2")
    (workspace / "gone.j2").symlink_to("nowhere")
    (workspace / "file.j2").write_text("x", encoding="utf-8")
    fault = _fault(name, workspace)
    assert fault.startswith(f"there is no file {name} in the workspace; check out the repository before this step")
    assert fault.endswith(f"name a built-in template: {', '.join(builtin_names())}")


@pytest.mark.parametrize(
    "name", ["../secret", "a/../../secret", "{parent}/secret", "link", "folder/secret", "/etc/hosts"]
)
def test_read__outside_the_workspace(workspace: Path, name: str) -> None:
    """No path leads out of the workspace: not upwards, not absolute, not through a link."""
    (workspace / "a").mkdir()
    (workspace / "link").symlink_to(workspace.parent / "secret")
    (workspace / "folder").symlink_to(workspace.parent, target_is_directory=True)
    fault = _fault(name.format(parent=workspace.parent), workspace)
    assert fault.endswith("lies outside the workspace; a template must be a file of the checked-out repository")
    assert "s3cr3t" not in fault


@pytest.mark.parametrize(("entry", "name"), [("main.j2", "../secret"), ("weekly.md.j2", "../action.yml")])
def test_sibling__outside(workspace: Path, entry: str, name: str) -> None:
    """What a template names has to lie in the workspace too, or in the folder of the built-in ones."""
    with pytest.raises(ValueError, match=r"lies outside the workspace"):
        locate(entry, workspace).sibling(name).read()


@pytest.mark.parametrize(("name", "what"), [("folder", "a folder"), (".", "a folder"), ("pipe", "not a regular file")])
def test_read__not_a_file(workspace: Path, name: str, what: str) -> None:
    """A folder or a pipe is refused before anything is read from it: a pipe would never end."""
    (workspace / "folder").mkdir()
    os.mkfifo(workspace / "pipe")
    assert _fault(name, workspace) == f"{name} is {what}; name the template file itself"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"PK\x03\x04\0\0", "bad.j2 is a binary file; a template is text in UTF-8"),
        ("Zoë".encode("utf-16"), "bad.j2 is a binary file; a template is text in UTF-8"),
        ("one\ntwo\nZoë".encode("latin-1"), "bad.j2:3: a byte is not UTF-8; save the template as UTF-8"),
    ],
)
def test_read__not_utf8(workspace: Path, content: bytes, fault: str) -> None:
    """What is no text in UTF-8 is refused, with the line where there are lines."""
    (workspace / "bad.j2").write_bytes(content)
    assert _fault("bad.j2", workspace) == fault


@pytest.mark.skipif(
    not Path("/proc/self/mem").exists(), reason="only Linux has a file whose reading fails for root too"
)
def test_read__cannot_be_read() -> None:
    """A file that is there but cannot be read is a fault of the user's, not of this program."""
    assert _fault("mem", Path("/proc/self")) == "mem cannot be read (OSError); look at its permissions"
