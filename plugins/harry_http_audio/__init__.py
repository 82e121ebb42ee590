"""An ear and a voice behind servers of OpenAI's audio API: speaches, LocalAI, vLLM, Kokoro-FastAPI, OpenAI itself.

It is built on `harry.plugin` alone, as a plug-in of anybody's is.
"""
