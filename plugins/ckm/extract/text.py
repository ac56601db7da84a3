"""How a value lands: as the text that a person would write."""

import json
from datetime import datetime
from typing import Any


class Number(str):
    """A number of JSON, as it is written."""

    __slots__ = ()


def as_text(value: Any) -> str | None:
    """A value without loss: ISO dates, plain decimals, hexadecimal bytes, lists and objects as JSON."""
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case datetime():
            return value.isoformat(sep=" ")
        case bytes() | memoryview():
            return bytes(value).hex()
        case list() | dict():
            return _json(value)
        case _:
            return str(value)


def _json(value: Any) -> str:
    """JSON with every number as it was written, which `json.dumps` would write anew."""
    match value:
        case dict():
            return f"{{{', '.join(f'{_json(str(key))}: {_json(item)}' for key, item in value.items())}}}"
        case list():
            return f"[{', '.join(map(_json, value))}]"
        case Number():
            return str(value)
        case None | bool() | str():
            return json.dumps(value, ensure_ascii=False)
        case int() | float():
            return str(value)
        case _:
            return json.dumps(as_text(value), ensure_ascii=False)
