"""A YAML document whose values know their lines.

Plain values are read as JSON has them, and everything else is text: a name `007` or
`no`, or a date, stays as it is written.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from tap_analytics.fleet.errors import FleetFileError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The one in C takes a tenth of the time."""

_CONSTANTS = {"": None, "~": None, "null": None, "true": True, "false": False}
_TEXT_STYLES = frozenset({"'", '"', "|", ">"})
_INTEGER = re.compile(r"[-+]?[0-9]+")
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?")


class Document:
    """A YAML document that is an object.

    Args:
        path: The file.

    Attributes:
        name: The file's name, for messages.
        root: The document's outermost node.

    Raises:
        FleetFileError: If the file can't be read, or holds no such document.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        try:
            content = path.read_bytes()
        except OSError as error:
            msg = f"The fleet file {path} can't be read: {error.strerror}."
            raise FleetFileError(msg) from None
        root = self._composed(content)
        if not isinstance(root, yaml.MappingNode):
            text = "a fleet file must hold keys such as accounts: and api_key:"
            raise self.mistake(1, text)
        self.root: yaml.MappingNode = root

    def _composed(self, content: bytes) -> yaml.Node | None:
        try:
            node: yaml.Node | None = yaml.compose(
                content.decode("utf-8-sig"), Loader=_LOADER
            )
        except UnicodeDecodeError as error:
            line = content[: error.start].count(b"\n") + 1
            raise self.mistake(line, "the text is not UTF-8") from None
        except yaml.MarkedYAMLError as error:
            mark = error.problem_mark or error.context_mark
            line = mark.line + 1 if mark else 1
            reason = error.problem or error.context
            raise self.mistake(line, f"this is not YAML: {reason}") from None
        except yaml.YAMLError as error:
            reason = " ".join(str(error).split())
            raise self.mistake(1, f"this is not YAML: {reason}") from None
        return node

    def mistake(self, line: int, text: str) -> FleetFileError:
        """Return the error for a mistake in a line."""
        return FleetFileError(f"{self.name}, line {line}: {text}.")

    def value_of(self, node: yaml.Node) -> Any:
        """Return what a node holds, as JSON would.

        Raises:
            FleetFileError: If a key comes twice, or a node contains itself.
        """
        return self._value(node, {})

    def _value(self, node: yaml.Node, known: dict[int, Any]) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return _scalar(node)
        if id(node) not in known:
            known[id(node)] = self  # Until it is complete: nothing else is this.
            if isinstance(node, yaml.SequenceNode):
                known[id(node)] = [self._value(item, known) for item in node.value]
            else:
                known[id(node)] = dict(self._pairs(node, known))
        value = known[id(node)]
        if value is self:
            line = node.start_mark.line + 1
            raise self.mistake(line, "this contains itself")
        return value

    def _pairs(
        self, node: yaml.Node, known: dict[int, Any]
    ) -> Iterator[tuple[str, Any]]:
        lines: dict[str, int] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, yaml.ScalarNode):
                raise self.mistake(line, "a key must be text")
            if key.value in lines:
                first = lines[key.value]
                text = f"{key.value} is there already, in line {first}"
                raise self.mistake(line, text)
            lines[key.value] = line
            yield key.value, self._value(value, known)

    def node_at(self, key: str) -> yaml.Node | None:
        """Return the node of a key of the document; `None` if there is none."""
        pairs = self.root.value
        return next((value for name, value in pairs if name.value == key), None)

    def line_of(self, path: Iterable[str | int]) -> int:
        """Return the line of a value, or of the nearest thing around it.

        Args:
            path: The keys and indexes that lead to the value.
        """
        node: yaml.Node = self.root
        line = 1
        for step in path:
            if isinstance(node, yaml.MappingNode):
                found = [pair for pair in node.value if pair[0].value == step]
                if not found:
                    break
                [(key, node)] = found
                line = key.start_mark.line + 1
            elif isinstance(node, yaml.SequenceNode) and isinstance(step, int):
                node = node.value[step]
                line = node.start_mark.line + 1
        return line


def _scalar(node: yaml.ScalarNode) -> Any:
    text: str = node.value
    if node.style in _TEXT_STYLES:
        return text
    if text.lower() in _CONSTANTS:
        return _CONSTANTS[text.lower()]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text
