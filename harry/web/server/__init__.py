"""The web server on h11 and trio-websocket: listener, connections, routing, authentication, limits."""
