"""How the documentation is built; the pages are Markdown, the reference docstrings."""

# ruff: noqa: INP001 - no package
from __future__ import annotations

import importlib
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.ext.napoleon import Config, GoogleDocstring

if TYPE_CHECKING:
    from docutils.nodes import Element
    from sphinx.application import Sphinx
    from sphinx.environment import BuildEnvironment

HERE = Path(__file__).parent

project = "voxsync"
author = "The voxsync authors"
copyright = "the voxsync authors"  # noqa: A001 - Sphinx's word
html_theme = "furo"
html_title = "voxsync"
extensions = ["sphinx.ext.autodoc", "myst_parser"]
myst_heading_anchors = 3
exclude_patterns = ["_build"]
nitpicky = True
# Other people's names, whose pages are not at hand where there is no network. Ours all
# begin with `voxsync`, or are found by `short_name` below.
nitpick_ignore_regex = [("py:.*", r"(?!voxsync\.).*")]

default_role = "code"
add_module_names = False
python_use_unqualified_type_names = True
GOOGLE = Config(napoleon_use_ivar=True)
autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
# What bases have is shown once, with them; of bases without a page, with each class.
SHOWN_ONCE = (
    "Session, MessageSession, EventTarget, MediaUnit, Source, Sink, Event, Signal, "
    "VoxsyncError, Exception, BaseException, object, str, int, tuple, Enum, StrEnum, "
    "IntEnum, dict"
)
autodoc_default_options = {
    "members": True,
    "inherited-members": SHOWN_ONCE,
    "show-inheritance": True,
}

DOORS = sorted(
    re.findall(
        r"^\.\. automodule:: (\S+)",
        "\n".join(page.read_text("utf-8") for page in HERE.glob("api/*.md")),
        re.MULTILINE,
    )
)
_THREAD = re.compile(r"^(Thread|Threads|Order|Events|May import): ")


def load(door: str) -> Any:
    """A module with all its names in it, for they are loaded when first used."""
    module = importlib.import_module(door)
    names = getattr(module, "__all__", ())
    vars(module).update({name: getattr(module, name) for name in names})
    return module


def google(app: Sphinx, what: str, name: str, obj: object, *args: Any) -> None:
    """Docstrings are Google's form; examples, which are merely indented, are code."""
    lines, shown = args[1], []
    if what == "module" and lines[2:3] and lines[2].startswith("from voxsync"):
        # An example with nothing behind it: formatters take its indentation away.
        lines[2:] = ["    " + line for line in lines[2:]]
    for number, line in enumerate(lines):
        begins = line.startswith("    ") and not lines[number - 1].strip()
        before = next((text for text in reversed(shown) if text.strip()), "")
        if begins and not before.startswith(" "):  # else it is code already
            shown += ["::", ""]
        if note := re.fullmatch(r"Raises \((.*)\):", line):
            shown += [f"It raises, {note[1]}:", "", "Raises:"]
        else:
            shown.append(_THREAD.sub(r"**\1:** ", line))
    # Of a property the first line would be taken for "type: description".
    what = "method" if what in ("property", "attribute") else what
    lines[:] = GoogleDocstring(shown, GOOGLE, app, what, name, obj).lines()


def public_bases(app: Sphinx, name: str, obj: object, *args: Any) -> None:
    """Bases that have no page are left out; what they bring is shown with the class."""
    del app, name, obj
    bases = args[1]
    bases[:] = [base for base in bases if not is_ours(base) or is_public(base)]


def is_ours(thing: object) -> bool:
    """Whether it is defined in voxsync."""
    return str(getattr(thing, "__module__", "")).startswith("voxsync.")


def is_public(thing: object) -> bool:
    """Whether a door has it."""
    name = getattr(thing, "__name__", "")
    return any(vars(sys.modules[door]).get(name) is thing for door in DOORS)


def short_name(
    app: Sphinx, env: BuildEnvironment, node: Element, contnode: Element
) -> Element | None:
    """The page of a name of ours, however it is written; names inside have none."""
    if node.get("refdomain") != "py":
        return None
    home, _, name = str(node["reftarget"]).rpartition(".")
    places = [f"{door}.{name}" for door in DOORS if name in vars(sys.modules[door])]
    domain = env.domains["py"]
    for place in places:
        if place in domain.objects:
            where, kind = node["refdoc"], node["reftype"]
            return domain.resolve_xref(
                env, where, app.builder, kind, place, node, contnode
            )
    return contnode if name in vars(sys.modules.get(home, object)) else None


def setup(app: Sphinx) -> None:
    """Called by Sphinx."""
    for door in DOORS:
        load(door)
    app.connect("autodoc-process-docstring", google)
    app.connect("autodoc-process-bases", public_bases)
    app.connect("missing-reference", short_name)
