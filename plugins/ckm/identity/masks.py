"""Personal values as they may stand on a screen: enough to compare two, too little to know whose they are."""

import re

FEWEST_USERS = 5
"""A domain that fewer records use than this may be one person's own, and is masked like a name."""


def words(text: str) -> str:
    """The first letter of each word: `Marta Müller` is `M**** M*****`."""
    return re.sub(r"\w+", lambda word: word[0][0] + "*" * (len(word[0]) - 1 or 1), text)


def ending(text: str) -> str:
    """The first two characters of a date or a postal code: `26123` is `26***`."""
    return text[:2] + "*" * max(len(text) - 2, 1)


def phone(text: str) -> str:
    """The last two digits of a number."""
    return f"***{re.sub(r'[^0-9]', '', text)[-2:]}"


def email(text: str, common: frozenset[str] = frozenset()) -> str:
    """The first letter of an address, and its domain if it is one of the common ones: `m***@example.com`."""
    local, at, domain = text.strip().rpartition("@")
    if not at:
        return words(text)
    return f"{local[:1]}***@{domain if domain.lower() in common else words(domain)}"


def reference(ref: str) -> str:
    """A reference whose native id is itself an address or a telephone number, masked; any other as it is."""
    source, object_, native_id = ref.split("|", 2)
    if "@" in native_id:
        return f"{source}|{object_}|{email(native_id)}"
    if re.fullmatch(r"\+[0-9()/. -]{6,}", native_id):
        return f"{source}|{object_}|{phone(native_id)}"
    return ref
