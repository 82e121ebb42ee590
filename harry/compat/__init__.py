"""The names that older programs know Harry's memory by: thin functions over his services, for any kind of caller.

Each `async` function may be awaited under trio or asyncio, and has a twin with `_sync` behind its name for plain code,
a thread, or the inside of a running loop. They work while a Harry runs, too; `services.configure` says for which one.
"""
