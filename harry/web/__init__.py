"""The door: one port where the page, other programs and the protocols of the world come in."""
