"""Tools: what a mind may do besides talking. Functions of plug-ins, servers of the Model Context Protocol, pictures.

An offer is a `Tool`, which describes it to the mind, and a handler. `SessionTools` holds the offers of a session, and
`TurnTools` uses them for one turn, so that every call ends in a known state.
"""
