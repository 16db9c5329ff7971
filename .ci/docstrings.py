#!/usr/bin/env python3
"""Fail where the docstring of a public name lacks what its user has to know.

Public are the names in `__all__` of the doors below, or of the modules given, and what
these classes have without an underscore. Each must say:

- what it is (the string behind a constant);
- its parameters and attributes: under `Args:` or `Attributes:`, or in `backticks`;
- a unit for times, rates and sizes; shape, dtype or encoding for arrays;
- what comes back, where its first line does not tell: `Returns:` or `Yields:`;
- the errors that its own body raises, or a base of theirs;
- of what has state, the `Thread:`, for all of it in the class or in each method.

"See `X`" and "as for `X`" take in X's docstring; a method has that of the one that it
overrides and of its class, too. What is "Made by" another need not tell how.
"""

from __future__ import annotations

import ast
import builtins
import dataclasses
import enum
import importlib
import importlib.util
import inspect
import os
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOORS = (
    *("", "mimi", "plain", "voximplant", "websocket_server", "gemini", "conversation"),
    *("media", "audio", "events", "session", "server", "errors", "clocks", "trace"),
    *("events.tk", "events.qt", "simulators.mimi", "simulators.voximplant"),
    *("simulators.gemini", "simulators.gemini_faults", "simulators.gemini_brain"),
    *("simulators.faults", "simulators.recogniser", "simulators.voice"),
    *("simulators.replay",),
)
TIME = r"\bseconds?\b|\bms\b|\bmilliseconds?\b|\bminutes?\b|\d s\b"
SIZE = r"\bbytes?\b|\b[KM]iB\b|\bframes\b|\bmessages?\b|\bevents?\b"
RATE = r"\bk?Hz\b|\bper (second|minute)\b"
UNITS = (  # what the name of a number is like: one of these words stands with it
    (r"timeout|seconds|delay|interval|patience|linger|duration", TIME),
    (r"(^|_)rate$", RATE),
    (r"bytes|_size$|buffer", f"{SIZE}|{TIME}"),
    ("", rf"{TIME}|{SIZE}|{RATE}|\bdB|\bfactor\b|\btimes\b|%|\d to \d|\bspeed\b"),
)
ARRAY = r"\bint16\b|\bfloat\d*\b|\(frames|\bPCM\b|\bbytes\b|`audio`|\bmono\b|dtype"
TELLS = r"""(?imx)\b(make|open|returns?|gives?|answers?|iterate|true|false|none|whether
    |which|how|where|when)\b | ^(the|a|an|all|what|as|this|that|one|each|[\w-]+s)\b"""
SEE = re.compile(r"\b(?:[Ss]ee|[Ll]ike|[Aa]s(?: for| of| in)?) `([\w.]+)[`(]")
PACKAGES = {"voxsync"}


def is_ours(thing: Any) -> bool:
    """Whether it is defined in the package, or a module of it."""
    home = getattr(thing, "__module__", getattr(thing, "__name__", ""))
    return str(home).partition(".")[0] in PACKAGES


def family(cls: type | None) -> list[type]:
    """A class and those of its bases that are ours."""
    return [base for base in cls.__mro__ if is_ours(base)] if cls else []


def said_of(name: str, doc: str) -> str:
    """What a docstring says of a parameter or attribute."""
    found = re.findall(rf"[^.]*`[^`]*\b{name}\b[^`]*`[^.]*", doc)
    sections = r"^(?:Args|Attributes):\n((?:(?: .*)?\n)+)"
    entries = r"^    (\S[^:\n]*):(.*\n(?:(?:     .*)?\n)*)"
    for section in re.findall(sections, doc + "\n", re.MULTILINE):
        for names, text in re.findall(entries, section, re.MULTILINE):
            found += [text] * (name in names.replace("*", "").split(", "))
    return "\n".join(found)


def body(fn: Any) -> list[Any]:
    """All that stands in a function, but for functions inside."""
    if fn.__code__.co_filename == "<string>":  # a dataclass made it up
        return []
    found = ast.parse(textwrap.dedent(inspect.getsource(fn))).body[0].body
    for part in found:
        inside = ast.iter_child_nodes(part)
        found += [x for x in inside if not isinstance(x, ast.FunctionDef | ast.Lambda)]
    return found


def set_in(init: Any) -> list[str]:
    """The attributes that it gives to `self`."""
    stored = [part for part in body(init) if isinstance(part, ast.Attribute)]
    stored = [part for part in stored if isinstance(part.ctx, ast.Store)]
    return [part.attr for part in stored if getattr(part.value, "id", "") == "self"]


class Checker:
    """Collects what is `lacking`, as file:line: name: what."""

    def __init__(self) -> None:
        self.lacking: set[str] = set()
        self.seen: set[int] = set()

    def is_new(self, thing: object) -> bool:
        """Whether it was not checked before."""
        before, self.seen = self.seen, self.seen | {id(thing)}
        return self.seen > before

    def expect(self, is_so: object, where: tuple[Any, int, str], what: str) -> None:
        """Take down what is lacking, unless it `is_so`."""
        if not is_so:
            path, line, name = where
            self.lacking.add(f"{os.path.relpath(path, ROOT)}:{line}: {name}: {what}")

    def check_module(self, name: str) -> None:
        """All of its public names."""
        module = importlib.import_module(name)
        for public in module.__all__:
            thing = getattr(module, public)
            if inspect.isfunction(thing):
                self.check_function(thing, None, public)
            elif inspect.isclass(thing) and is_ours(thing) and self.is_new(thing):
                self.check_class(thing)
            elif not inspect.isclass(thing) and self.is_new(thing):
                self.check_constant(public, thing)

    def check_constant(self, name: str, thing: object) -> None:
        """Wherever it is assigned, a string stands behind it."""
        assigned = rf"^{name}\b[^\n=]*= .*\n(?:[ )\]}}].*\n)*(.*)"
        for module in filter(is_ours, list(sys.modules.values())):
            text = inspect.getsource(module)
            found = re.search(assigned, text, re.MULTILINE)
            if found and vars(module).get(name) is thing:
                where = module.__file__, 1 + text.count("\n", 0, found.start()), name
                self.expect(found[1][:3] == '"""', where, "no docstring")

    def check_class(self, cls: type) -> None:
        """The class, and what it has in public, by bases of ours, too."""
        where = inspect.getsourcefile(cls), inspect.getsourcelines(cls)[1], cls.__name__
        made_up = f"{cls.__name__}("  # by dataclass
        own = vars(cls).get("__doc__") or made_up
        self.expect(not own.startswith(made_up), where, "no docstring")
        whole = "\n\n".join(inspect.getdoc(base) or "" for base in family(cls))
        is_data = dataclasses.is_dataclass(cls)
        for field in dataclasses.fields(cls) if is_data else ():
            self.check_named(where, field.name, str(field.type), whole)
        is_data = is_data or issubclass(cls, (enum.Enum, BaseException, tuple))
        for base in family(cls):
            if base is cls or self.is_new(base):
                self.check_members(base, whole, safe=is_data or "Thread:" in whole)

    def check_members(self, cls: type, whole: str, *, safe: bool) -> None:
        """What one class has itself; `whole` are the docstrings of all of them."""
        for name, member in vars(cls).items():
            fn = getattr(member, "__func__", getattr(member, "func", member))
            said = inspect.getdoc(fn) or "" if hasattr(fn, "fget") else ""
            fn = getattr(fn, "fget", fn)
            label = f"{cls.__name__}.{name}"
            if not inspect.isfunction(fn):
                continue
            where = fn.__code__.co_filename, fn.__code__.co_firstlineno, label
            if name == "__init__":
                if not ("Made by" in whole or dataclasses.is_dataclass(cls)):
                    self.check_function(fn, cls, label, whole)
                for attribute in set_in(fn):
                    self.check_named(where, attribute, "", whole)
            elif name[0] != "_" and (said or fn.__name__ == name):  # else an alias
                doc = self.check_function(fn, cls, label, said)
                self.expect(safe or said or "Thread:" in doc, where, "no Thread:")

    def check_function(self, fn: Any, cls: Any, label: str, said: str = "") -> str:
        """What a function lacks; the class has `said` it of `__init__`."""
        fn = inspect.unwrap(fn)
        own = inspect.cleandoc(f"{said}\n\n{inspect.cleandoc(fn.__doc__ or '')}")
        parts = [own, *self.referred(own, cls, fn)] if own else []
        doc = "\n\n".join(parts)
        hints, back = fn.__annotations__, str(fn.__annotations__.get("return", None))
        if not (is_ours(fn) and self.is_new(fn)) or back == "NoReturn":
            return doc
        where = fn.__code__.co_filename, fn.__code__.co_firstlineno, label
        self.expect(own, where, "no docstring")
        more = "\n\n".join([doc, *(inspect.getdoc(base) or "" for base in family(cls))])
        for name in inspect.signature(fn).parameters if own else ():
            if name not in ("self", "cls"):
                self.check_named(where, name, str(hints.get(name, "")), more)
        for part in body(fn):
            raised = getattr(getattr(part, "exc", 0), "func", getattr(part, "exc", 0))
            error = {**vars(builtins), **fn.__globals__}.get(getattr(raised, "id", ""))
            if inspect.isclass(error) and error not in (AttributeError, AssertionError):
                names = [c.__name__ for c in error.__mro__ if c is not Exception][:-2]
                told = re.search(rf"\b({'|'.join(names)}|never called)\b", doc)
                self.expect(told, where, f"raises {names[0]}")
        if not said and back not in ("None", "Self", getattr(cls, "__name__", 0)):
            firsts = "\n".join(text.partition("\n\n")[0] for text in parts)
            told = re.search(TELLS, firsts)
            told = told or re.search(r"^(Returns|Yields):", doc, re.MULTILINE)
            self.expect(told or not own, where, f"what it returns ({back})")
        self.check_unit(where, label.rpartition(".")[2], back, doc)
        return doc

    def referred(self, doc: str, cls: type | None, fn: Any) -> list[str]:
        """The docstrings that one refers to or overrides."""
        found = [vars(base).get(fn.__name__) for base in family(cls)[1:]]
        for name in SEE.findall(doc):
            head, *rest = name.split(".")
            homes = [cls, *filter(is_ours, list(sys.modules.values()))]
            things = [getattr(home, head, None) for home in homes]
            thing = next(filter(is_ours, things), None)
            for step in rest or [fn.__name__] * inspect.isclass(thing):
                thing = getattr(thing, step, thing)
            found.append(thing)
        return [inspect.getdoc(thing) or "" for thing in found if thing is not None]

    def check_named(self, where: Any, name: str, hint: str, doc: str) -> None:
        """A parameter or attribute is told of, with its unit."""
        text = said_of(name, doc)
        self.expect(text or name[0] == "_", where, f"`{name}` is not documented")
        if text:
            of_all = re.findall(r"(?i)\b(?:times|moments)\b[^.]* are [^.]*", doc)
            self.check_unit(where, name, hint, " ".join([text, *of_all]))

    def check_unit(self, where: Any, name: str, hint: str, text: str) -> None:
        """A number has a unit with it, an array what it is."""
        wanted = next(words for like, words in UNITS if re.search(like, name))
        if "NDArray" in hint or hint == "AudioData":
            self.expect(re.search(ARRAY, text), where, f"`{name}`: shape, dtype?")
        elif re.match("float" if wanted is UNITS[-1][1] else "float|int", hint):
            told = re.search(f"(?i){wanted}", f"{text} {name.replace('_', ' ')}")
            self.expect(told, where, f"`{name}` has no unit")


def main(arguments: list[str]) -> int:
    """Check the doors, or the modules given; 1 if anything is lacking."""
    sys.path.insert(0, str(ROOT))
    PACKAGES.update(name.partition(".")[0] for name in arguments)
    checker = Checker()
    for door in arguments or [f"voxsync.{door}".rstrip(".") for door in DOORS]:
        if arguments or importlib.util.find_spec(door) is not None:
            checker.check_module(door)
    counts = f"{len(checker.seen)} public names, {len(checker.lacking)} things lacking"
    sys.stdout.write("\n".join([*sorted(checker.lacking), counts, ""]))
    return 1 if checker.lacking or not checker.seen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
