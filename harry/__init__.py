"""Harry, an always-on voice companion: the roof over the actors and the channels."""
