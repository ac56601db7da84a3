"""Records of equally long arrays: one element per thing, the same position in every field."""

from dataclasses import fields
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def picked(record: T, index: np.ndarray) -> T:
    """The record's elements at `index`, positions or a mask."""
    return type(record)(*(getattr(record, field.name)[index] for field in fields(record)))


def stacked(*parts: T) -> T:
    """All elements of the parts, in this order."""
    kind = type(parts[0])
    return kind(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(kind)))
