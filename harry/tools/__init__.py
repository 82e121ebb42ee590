"""Tools: what a mind may do besides talking. Functions of plug-ins, servers of the Model Context Protocol, pictures.

Whatever offers a tool gives a `Tool`, as the mind is told of it, and a handler; `Box` holds those of a session, and
`TurnTools` uses them for one turn, so that every call ends in a known state.
"""
