"""Checks the older functions one after the other, in a memory that is thrown away afterwards."""

import os
import tempfile

import harry.compat
from harry.compat import services
from harry.config.loading import load_config

harry.compat.install()

import asyncio

import central_logic_async
import knowledgebase_search_async
import loaders_async
import ltm_async
import open_router_async


async def redis_operations():
    await loaders_async.redis_save("test_key", "test_value")
    assert await loaders_async.redis_load("test_key") == "test_value"
    await loaders_async.redis_append("test_key", "more")
    assert await loaders_async.redis_load("test_key") == "test_value\nmore"


async def file_operations(folder):
    path = os.path.join(folder, "test.json")  # noqa: PTH118  as such programs are written
    await loaders_async.save_json(path, {"key": "value"})
    assert await loaders_async.load_json(path) == {"key": "value"}
    await loaders_async.save_file(path, "a text")
    assert await loaders_async.open_file(path) == "a text"


async def long_term_memory():
    await ltm_async.upsert("The lighthouse keeper is called Tom.", 1)
    assert "Tom" in await ltm_async.memory_search("lighthouse keeper")
    assert await ltm_async.delete_vector_by_id(1)
    assert await ltm_async.memory_search("lighthouse keeper") == ""
    assert await knowledgebase_search_async.kb_entries(text="kettle") == ""


async def at_once():
    await asyncio.gather(*(loaders_async.redis_save(f"key_{number}", str(number)) for number in range(5)))
    loaded = await asyncio.gather(*(loaders_async.redis_load(f"key_{number}") for number in range(5)))
    assert loaded == ["0", "1", "2", "3", "4"]
    await loaders_async.save_to_soc("a thought")
    assert await loaders_async.soc_today() == "a thought"


async def core():
    assert await central_logic_async.generate_response(text="What is the capital of France?")
    assert await open_router_async.plain_cohere("Say hello.")


async def main(folder):
    await redis_operations()
    await file_operations(folder)
    await long_term_memory()
    await at_once()
    await core()
    print("All passed.")


with tempfile.TemporaryDirectory() as folder:
    # A scripted language model stands in for a real one, so that this needs neither network nor model.
    services.configure(load_config(sets=['engines.language_model=["scripted"]'], environ={"HARRY_HOME": folder}))
    asyncio.run(main(folder))
    services.close()
