"""Harry, an always-on voice companion: the roof over the actors and the channels."""

from harry.net.telemetry import switch_off

# Before anything else: some libraries report to their makers from the moment at which they are imported.
switch_off()
