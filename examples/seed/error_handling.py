import harry.compat

harry.compat.install()

import asyncio

import error_handler
import loaders_async


@error_handler.if_errors
async def my_async_function():
    return await loaders_async.load_json("there/is/no/such/file.json")


try:
    asyncio.run(my_async_function())
except Exception as error:  # noqa: BLE001  the decorator has logged it with its cause; it is still the caller's to handle
    print(f"{type(error).__name__}: {error}")
