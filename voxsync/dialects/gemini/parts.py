"""What turns are made of: contents, their parts, and bytes with a name for their kind.

The same classes stand in what is sent and in what is received. They are checked when
they are sent, since what the service says is taken as it comes.
"""

# ruff: noqa: RUF009 - option() makes a dataclasses.field of immutable things
from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from voxsync.dialects.gemini.blob import Blob, blob_to_wire, decode_base64
from voxsync.dialects.gemini.fields import (
    WireObject,
    boolean,
    camel,
    kinds,
    member,
    nested,
    option,
    sort_keys,
    string,
    to_wire,
)
from voxsync.dialects.gemini.functions import (
    FunctionCall,
    FunctionResponse,
    FunctionResponseScheduling,
)

if TYPE_CHECKING:
    from typing import TypeAlias

__all__ = [
    "Blob",
    "CodeExecutionResult",
    "Content",
    "ExecutableCode",
    "FileData",
    "FunctionCall",
    "FunctionResponse",
    "FunctionResponseScheduling",
    "Part",
    "PartLike",
    "decode_base64",
    "to_parts",
]

_ATOMS = (str, bytes, bytearray, memoryview)  # sequences that are no lists
_SHOWN = 60  # characters of a text in a repr


def _any_text(where: str, value: object) -> object:
    """A text that may be empty."""
    return value if value == "" else string(where, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class FileData(WireObject):
    """A file that the service fetches itself: its `file_uri` and `mime_type`."""

    file_uri: str | None = option(string)
    mime_type: str | None = option(string)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutableCode(WireObject):
    """`code` that the model wrote to run it, in a `language` such as "PYTHON"."""

    language: str | None = option(string)
    code: str | None = option(_any_text)


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeExecutionResult(WireObject):
    """What came of code that the model ran: its `outcome`, and what was `output`."""

    outcome: str | None = option(string)
    output: str | None = option(_any_text)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Part(WireObject):
    """One piece of a turn: exactly one of the kinds below.

    Attributes:
        text: Words; the model's thoughts if `thought` is set.
        inline_data: An image, audio or another file.
        function_call: The model wants a function called.
        function_response: What came of that.
        file_data: A file that the service fetches itself.
        executable_code: Code that the model wrote to run it.
        code_execution_result: What came of it.
        thought: This is not for the user, but the model thinking. Default False.
        raw: The JSON object as it came; None for a part of your own. What this class
            does not know of it goes along when the part is sent back.
    """

    text: str | None = option(_any_text)
    inline_data: Blob | None = option(blob_to_wire)
    function_call: FunctionCall | None = option(nested(FunctionCall))
    function_response: FunctionResponse | None = option(nested(FunctionResponse))
    file_data: FileData | None = option(nested(FileData))
    executable_code: ExecutableCode | None = option(nested(ExecutableCode))
    code_execution_result: CodeExecutionResult | None = option(
        nested(CodeExecutionResult)
    )
    thought: bool = option(boolean, default=False)
    raw: Mapping[str, Any] | None = field(default=None, compare=False)

    def __post_init__(self) -> None:
        """Nothing is checked until it is sent: a part may be the service's."""

    @classmethod
    def from_wire(cls, obj: Mapping[str, Any]) -> Part:
        """Read the JSON object `obj`, keys in either case; it becomes `raw`, uncopied.

        Raises:
            TypeError, ValueError: It is not what a part is.
        """
        found: dict[str, Any] = {}
        for key, (name, read) in _READERS.items():
            value = obj.get(key)
            if value is not None:
                found[name] = read(value)
        return cls(**found, raw=obj)

    def wire(self) -> dict[str, object]:
        """The JSON object to send."""
        found = WireObject.wire(self)
        if not self.thought:
            found.pop("thought", None)
        if self.raw is not None:
            _, extra = sort_keys("Part.raw", self.raw, kinds(Part))
            found.update(extra)
        return found

    def __repr__(self) -> str:
        shown = []
        for name in kinds(Part):
            value = getattr(self, name)
            if isinstance(value, str) and len(value) > _SHOWN:
                shown.append(f"{name}=<{len(value)} characters>")
            elif value is not None and value is not False:
                shown.append(f"{name}={value!r}")
        return f"Part({', '.join(shown)})"


def _object(form: Callable[[Mapping[str, Any]], object]) -> Callable[[object], object]:
    def read(value: object) -> object:
        if not isinstance(value, Mapping):
            raise TypeError(f"a part has {type(value).__name__}, not an object, in it")
        return form(value)

    return read


def _fields_of(form: type[WireObject]) -> Callable[[Mapping[str, Any]], object]:
    """Read an object of this class; what it does not know stands in the part's raw."""
    return lambda obj: form(**sort_keys(form.__name__, obj, kinds(form))[0])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"a part's text is {type(value).__name__}")
    return value


_READERS: dict[str, tuple[str, Callable[[Any], object]]] = {
    "text": ("text", _text),
    "thought": ("thought", bool),
}
for _name, _read in {
    "inline_data": Blob.from_wire,
    "function_call": FunctionCall.from_wire,
    "function_response": _fields_of(FunctionResponse),
    "file_data": _fields_of(FileData),
    "executable_code": _fields_of(ExecutableCode),
    "code_execution_result": _fields_of(CodeExecutionResult),
}.items():
    _READERS[_name] = _READERS[camel(_name)] = (_name, _object(_read))
_PAYLOADS = frozenset(map(camel, kinds(Part))) - {"thought"}
# Of a part in the service's words: what Part does not know goes along as it is.
_KEYS = frozenset(map(camel, kinds(Part))) | {
    "mediaResolution",
    "partMetadata",
    "thoughtSignature",
    "toolCall",
    "toolResponse",
    "videoMetadata",
}


@dataclass(frozen=True, slots=True, init=False)
class Content:
    """Somebody's turn.

    Args:
        role: `"user"`, `"model"`; None = as fits where it is used.
        parts: What it is made of: a text, part, blob, function call or response, or
            a list (any sequence) of these.

    Attributes:
        role: As given.
        parts: Always a tuple of `Part`.

    Raises:
        TypeError: One of the parts is nothing of that.
    """

    role: str | None = None
    parts: tuple[Part, ...] = ()

    # Written out, for it takes more than is kept, and type checkers are to know both.
    def __init__(
        self, role: str | None = None, parts: OnePart | Sequence[OnePart] = ()
    ) -> None:
        object.__setattr__(self, "role", role)
        if type(parts) is not tuple or any(type(p) is not Part for p in parts):
            is_list = isinstance(parts, Sequence) and not isinstance(parts, _ATOMS)
            listed: Any = parts if is_list else (parts,)
            parts = tuple(map(_as_part, listed))
        object.__setattr__(self, "parts", parts)

    @classmethod
    def from_wire(cls, obj: Mapping[str, Any]) -> Content:
        """Read the JSON object `obj`, with keys in either case.

        Raises:
            TypeError, ValueError: It is not what a content is.
        """
        return cls(obj.get("role"), tuple(map(Part.from_wire, obj.get("parts") or ())))


def _as_part(value: object) -> Part:
    if isinstance(value, Part):
        return value
    if isinstance(value, str):
        return Part(text=value)
    if isinstance(value, Blob):
        return Part(inline_data=value)
    if isinstance(value, FunctionResponse):
        return Part(function_response=value)
    if isinstance(value, FunctionCall):
        return Part(function_call=value)
    raise TypeError(
        "a part is a str, Part, Blob, FunctionResponse or FunctionCall, not "
        f"{type(value).__name__}"
    )


OnePart: TypeAlias = str | Part | Blob | FunctionCall | FunctionResponse
PartLike: TypeAlias = OnePart | Mapping[str, Any]


def to_parts(
    request: PartLike | Iterable[PartLike], where: str = "the request"
) -> list[dict[str, object]]:
    """What an application says, as the parts of a turn on the wire.

    Args:
        request: A text, a part, a blob, a dict with the keys of a part or of a blob
            in either case; or a list of these.
        where: Its name for errors.

    Raises:
        TypeError: It is nothing of that.
        ValueError: It is empty, a dict has a key that no part has, or a part has not
            exactly one kind of content.
    """
    if isinstance(request, str | Part | Blob | FunctionCall | FunctionResponse):
        return [_part_to_wire(where, request)]
    if isinstance(request, Mapping):
        return [_part_to_wire(where, request)]
    if isinstance(request, bytes | bytearray | memoryview):
        raise TypeError("bytes need a mime type: Blob('image/jpeg', data)")
    if not isinstance(request, Iterable):
        raise TypeError(
            f"{where} must be a str, Part, Blob, dict or a list of these, not "
            f"{type(request).__name__}"
        )
    found = [_part_to_wire(f"part {at}", one) for at, one in enumerate(request)]
    if not found:
        raise ValueError(f"{where} is empty: there is nothing to send")
    return found


def _check_keys(where: str, value: Mapping[Any, Any]) -> None:
    """Refuse what the service would end the session for, such as a mistyped key."""
    for key in value:
        if isinstance(key, str) and camel(key) not in _KEYS:
            raise ValueError(
                f"{where} has an unknown field {key!r}; a part has "
                f"{', '.join(kinds(Part))} (what is newer goes into Part(raw=...))"
            )


def _part_to_wire(where: str, value: object) -> dict[str, object]:
    if isinstance(value, Mapping):
        if member(value, "mimeType") is not None and "data" in value:
            return {"inlineData": blob_to_wire(where, value)}
        _check_keys(where, value)
        found = to_wire(where, value, Part)
    else:
        if value == "":
            raise ValueError(f"{where} is an empty text: there is nothing to send")
        found = _as_part(value).wire()
    kinds_in_it = sorted(found.keys() & _PAYLOADS)
    # A part with nothing but keys unknown here is of a kind that is newer than this.
    if len(kinds_in_it) > 1 or not found.keys() - {"thought"}:
        raise ValueError(
            f"{where} must have exactly one kind of content, not "
            f"{' and '.join(kinds_in_it) or 'none'}"
        )
    return found
