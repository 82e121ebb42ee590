import harry.compat

harry.compat.install()

import asyncio

import loaders_async


async def main():
    # Live state: on disk when this returns, and in Redis a moment later, where there is one.
    await loaders_async.redis_save("my_key", "my_value")

    value = await loaders_async.redis_load("my_key")
    print(f"Loaded: {value}")

    # A thought, into today's stream of consciousness.
    await loaders_async.save_to_soc("Harry is thinking about async operations")


asyncio.run(main())
