import harry.compat

harry.compat.install()

import asyncio

import loaders_async


async def main():
    await loaders_async.redis_save("key", "value")

    # The twin that is not awaited: in plain code, in a thread, and here, where it holds up the loop meanwhile.
    loaders_async.redis_save_sync("key", "another value")


asyncio.run(main())
print(loaders_async.redis_load_sync("key"))
