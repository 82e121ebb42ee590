"""Repairs texts that hold halves of surrogate pairs, which UTF-8, and so no file, can hold."""

from __future__ import annotations


def repair_surrogates(text: str) -> str:
    """Join the halves of surrogate pairs, and replace single ones by U+FFFD. A good text is returned as it is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
