"""YAML without its surprises: no key twice, no key that is read as anything but text, nothing that holds itself.

PyYAML takes the last of two equal keys without a word, and `no` or `2025-12-31` for something else than text.
"""

from collections.abc import Iterator
from typing import Any

import yaml

TEXT = "tag:yaml.org,2002:str"
MERGE = "tag:yaml.org,2002:merge"


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """PyYAML's safe loader in C, where it was built with it."""


def read(text: str) -> tuple[Any, list[str]]:
    """What a YAML text says, and what is wrong with it: sentences, for the file to be named before them.

    What is wrong with the form makes the rest unreadable, and the document None.
    """
    try:
        root = yaml.compose(text, _Loader)
        faults = list(_faults(root, (), ())) if root is not None else []
        return (None if faults else yaml.load(text, _Loader)), faults
    except yaml.reader.ReaderError as error:
        return None, [f"it holds the character U+{error.character:04X}, which no YAML may: remove it."]
    except yaml.MarkedYAMLError as error:
        return None, [_in_words(error, text.splitlines())]


def _in_words(error: yaml.MarkedYAMLError, lines: list[str]) -> str:
    """What PyYAML stumbled over, without the text of the line, which may hold a secret."""
    mark, problem = error.problem_mark or error.context_mark, f"{error.problem}"
    where = f"line {mark.line + 1} is no valid YAML"
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or "'\\t'" in problem:
        return f"{where}: it is indented with a tab; write spaces."
    if "expected a single document" in f"{error.context} {problem}":
        return f"{where}: a second document begins; remove the line ---."
    return f"{where} ({problem}): look for a missing colon, quote or bracket there or just above."


def _faults(node: yaml.Node, path: tuple[str, ...], above: tuple[int, ...]) -> Iterator[str]:
    """What is wrong within a node; one that stands behind several aliases is looked at where it is written."""
    line, place = node.start_mark.line + 1, ".".join(path)
    if id(node) in above:
        yield f"{place} (line {line}) holds itself by its anchor: write it out."
    elif isinstance(node, yaml.SequenceNode):
        for number, item in enumerate(node.value, 1):
            yield from _faults(item, (*path, str(number)), (*above, id(node)))
    elif isinstance(node, yaml.MappingNode):
        seen: dict[str, int] = {}
        for key, value in node.value:
            at = key.start_mark.line + 1
            name = str(key.value) if isinstance(key, yaml.ScalarNode) else "…"
            if key.tag not in (TEXT, MERGE):
                yield f"line {at}: YAML reads the key {'.'.join((*path, name))} as no text; put quotes around {name}."
            elif name in seen:
                lines = f"lines {seen[name]} and {at}" if seen[name] != at else f"line {at}"
                yield (
                    f"{'.'.join((*path, name))} stands twice, in {lines}: keep one, as YAML would take the second "
                    "without a word."
                )
            seen.setdefault(name, at)
            yield from _faults(value, (*path, name), (*above, id(node)))
