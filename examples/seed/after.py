import harry.compat

harry.compat.install()

import asyncio

import loaders_async


async def my_function():
    data = await loaders_async.redis_load("key")
    await loaders_async.save_json("file.json", data)


result = asyncio.run(my_function())
