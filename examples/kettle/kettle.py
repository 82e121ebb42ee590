"""A tool for Harry: it boils water. The docstring of `boil` is what the mind is told of it."""

from harry.plugin import tool


@tool(effect=True, confirm=True)
def boil(cups: int) -> str:
    """Boil water in the kettle, for so many cups."""
    return f"The kettle boils {cups} cups."
