"""Kinds of bad input, each tried on a source that really runs, and the account of every record of them."""
