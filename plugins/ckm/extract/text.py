"""How a value lands: as the text that a person would write."""

import json
from datetime import datetime
from typing import Any


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
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)
