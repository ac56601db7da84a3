r"""Text of any encoding as physical lines: what cannot be decoded is marked and kept, not lost.

bytes  →  blocks of whole lines, which end with \n, \r\n or \r and with nothing else that Unicode calls a line end
"""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from ckm.extract.files.stored import StoredFile, refused
from ckm.fields import ObjectMapping

BLOCK_CHARACTERS = 1 << 20
LONGEST_LINE = 1 << 24  # characters; what has no line end for longer is no file of lines
BYTE_ORDER_MARKS = (  # the longer ones first: UTF-32's begins with UTF-16's
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
NO_TEXT = {
    b"PK\x03\x04": "is a workbook or a zip archive",
    b"\x1f\x8b": "is packed with gzip",
    b"\xd0\xcf\x11\xe0": "is an old workbook (.xls) or an encrypted one",
    b"PAR1": "is a Parquet file",
}
_BROKEN = "\udcff"  # stands before the escapes of bytes that could not be decoded; no text decodes to it


def _marked(error: UnicodeError) -> tuple[str, int]:
    if not isinstance(error, UnicodeDecodeError):
        raise error
    escapes = "".join(f"\\x{byte:02x}" for byte in error.object[error.start : error.end])
    return _BROKEN + escapes, error.end


codecs.register_error("ckm.marked", _marked)


class EncodedText:
    """A file of lines, in the encoding that its mapping or its byte-order mark says, else in UTF-8."""

    def __init__(self, file: StoredFile, mapping: ObjectMapping) -> None:
        self.file = file
        self.encoding = mapping.encoding
        self._is_set = "encoding" in mapping.model_fields_set
        self._undecodable = 0

    def blocks(self) -> Iterator[str]:
        """The text in blocks of whole lines, without its byte-order mark.

        Raises:
            ObjectFailed: it is no text, or in another encoding than is said.
        """
        self._undecodable = 0
        rest, is_first = "", True
        with self._opened() as stream:
            while chunk := stream.read(BLOCK_CHARACTERS):
                text = rest + (chunk.removeprefix("\ufeff") if is_first else chunk)
                is_first = False
                end = max(text.rfind("\n"), text.rfind("\r", 0, -1)) + 1  # a last \r may be half of \r\n
                block, rest = text[:end], text[end:]
                if len(rest) > LONGEST_LINE:
                    raise refused(self.file.name, f"has a line of more than {LONGEST_LINE:,} characters")
                if block:
                    yield block
        if rest:
            yield rest

    def fault(self, line: str) -> str | None:
        """Why a line is no text; counts those that are in another encoding."""
        self._undecodable += _BROKEN in line
        return text_fault(line, self.encoding)

    def demand_encoding(self, lines: int) -> None:
        """Raise ObjectFailed where most of so many lines could not be decoded."""
        if self._undecodable * 2 > lines:
            raise refused(
                self.file.name,
                f"is for the most part not {self.encoding} text: set encoding, for example to cp1252 or gb18030",
            )

    @contextmanager
    def _opened(self) -> Iterator[TextIO]:
        with self.file.path.open("rb") as raw:
            self._settle(raw.read(1 << 16))
            raw.seek(0)
            try:
                yield io.TextIOWrapper(raw, self.encoding, errors="ckm.marked", newline="")
            except UnicodeError:  # no single character, but how the text begins
                raise refused(
                    self.file.name, f"is not {self.encoding} text: set encoding to the file's own"
                ) from None

    def _settle(self, start: bytes) -> None:
        """Settle the encoding by how the file starts."""
        name = self.file.name
        for magic, what in NO_TEXT.items():
            if start.startswith(magic):
                raise refused(name, f"{what}, not text: its name should end accordingly, or it be unpacked")
        for mark, encoding in BYTE_ORDER_MARKS:
            if start.startswith(mark):
                if not self._is_set:
                    self.encoding = encoding
                elif mark.decode(self.encoding, "replace") not in ("", "\ufeff"):
                    raise refused(
                        name,
                        f"begins with the byte-order mark of {encoding}, but encoding says {self.encoding}: "
                        f"set encoding: {encoding}",
                    )
                return
        lines = [line for line in re.split(rb"[\r\n]", start) if line]
        is_narrow = "\n".encode(self.encoding) == b"\n"
        if (
            is_narrow
            and b"\0" in b"".join(lines[:1])
            and sum(b"\0" in line for line in lines) > 0.9 * len(lines)
        ):
            order = "be" if start.startswith(b"\0") else "le"
            raise refused(name, f"is not {self.encoding} text but UTF-16: set encoding: utf-16-{order}")


def lines_of(block: str) -> list[str]:
    """The physical lines of a block with their ends."""
    return list(io.StringIO(block, newline=""))


def text_fault(line: str, encoding: str) -> str | None:
    """Why a line is no text, where it is none."""
    if _BROKEN in line:
        return f"is not {encoding} text"
    return "holds a NUL byte" if "\0" in line else None


def is_clean(block: str) -> bool:
    """Whether every character could be decoded and none is NUL."""
    return _BROKEN not in block and "\0" not in block


def received(line: str) -> str:
    """A line as it may be shown and stored: without its end, undecodable bytes and NULs as escapes."""
    return line.rstrip("\r\n").replace(_BROKEN, "").replace("\0", "\\x00")
