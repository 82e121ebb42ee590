import harry.compat

harry.compat.install()

import loaders


def my_function():
    data = loaders.redis_load("key")
    loaders.save_json("file.json", data)


result = my_function()
