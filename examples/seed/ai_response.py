import harry.compat

harry.compat.install()

import asyncio

import central_logic_async


async def get_ai_response():
    return await central_logic_async.generate_response(
        username="Maggie",
        persona="Harry",
        type="default",
    )


response = asyncio.run(get_ai_response())
print(response)
