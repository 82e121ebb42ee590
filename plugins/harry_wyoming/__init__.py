"""The Wyoming protocol of Home Assistant's voice services: ears and voices that speak it, and Harry as such a service.

The messages are those of the package `wyoming`; its own connections are asyncio's, so these are made anew, on trio and
bounded. It is built on `harry.plugin` alone. There is no authentication and no encryption in this protocol.
"""
