"""A memory retriever of one's own: it adds a line to every prompt. `harry run --set actors.retriever=tea`."""

from harry.plugin import Recollection


async def retrieve(utterance, *, history, thoughts, out, **_):
    await out.send(Recollection(utterance, history(), (*await thoughts(), "The user likes tea.")))
    out.close()
