import harry.compat

harry.compat.install()

import asyncio

import loaders_async
import ltm_async


async def concurrent_operations():
    results = await asyncio.gather(
        ltm_async.memory_search("previous conversation"),
        loaders_async.redis_load("conversation_history"),
        loaders_async.soc_today(),
    )

    memories, history, soc = results
    return memories, history, soc


print(asyncio.run(concurrent_operations()))
