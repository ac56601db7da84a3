"""The landing's own columns, which stand beside a source's; no column of a source may be called so."""

ROW = "_row"  # the row's number within the night's extract, from 1
POINTER = "_pointer"  # where to look for it in the source
LINE = "_line"  # a line or record as received that could not be read; then every data column is null
FAULT = "_fault"  # why, without its values, as the end of a sentence: "has 5 fields where the header has 7"
HEADER = "_header"  # what it takes to read a mended line: JSON for `ckm.extract.files.read_line`
REPEATED = "_repeated"  # true where the file is byte for byte an earlier one of the object under another name
OWN = (ROW, POINTER, LINE, FAULT, HEADER, REPEATED)
