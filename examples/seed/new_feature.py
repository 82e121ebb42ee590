import harry.compat

harry.compat.install()

import asyncio

import loaders_async


async def process_data(data):
    await asyncio.sleep(0)
    return (data or "").upper()


async def new_feature():
    data = await loaders_async.redis_load("key")
    processed = await process_data(data)
    await loaders_async.redis_save("result", processed)


asyncio.run(new_feature())
