"""Responses of a Realtime conversation: each turn of Harry's as the events by which the protocol tells it, in order.

A turn that calls for a client's tool is two responses or more: one ends with the call, the next begins when the client
asks for it. What is told of a response is told at once and never taken back; what was heard of it comes after.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from channels.gate import Slot
from channels.messages import SAMPLE_BYTES
from harry.web.realtime.items import Item, Items, call, message, new_item
from harry.web.realtime.outbox import Outbox
from harry.web.realtime.settings import RATE


@dataclass(slots=True)
class Response:
    """One response to an `utterance`.

    `sent` counts samples of it, `before` the samples of its turn that earlier responses have sent. `slot` knows what
    was heard of the turn, also when others have begun since.
    """

    turn: str
    modalities: tuple[str, ...]
    metadata: dict[str, str] | None = None
    before: int = 0
    utterance: str = ""
    slot: Slot | None = None
    id: str = field(default_factory=lambda: new_item("resp"))
    text: str = ""
    sent: int = 0
    output: list[Item] = field(default_factory=list)
    item: Item | None = None
    done: bool = False

    @property
    def audible(self) -> bool:
        """Whether it is spoken."""
        return self.modalities == ("audio",)

    def told(self, status: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
        """As `response.created` and `response.done` tell it."""
        usage = None
        if status != "in_progress":
            usage = {"total_tokens": 0, "input_tokens": 0, "output_tokens": 0}
        return {
            "object": "realtime.response", "id": self.id, "status": status, "status_details": details,
            "output": self.output, "conversation_id": None, "output_modalities": list(self.modalities),
            "max_output_tokens": "inf", "usage": usage, "metadata": self.metadata,
        }  # fmt: skip


class Responses:
    """Tells responses. `current` is the one that is not done; `of` finds the newest response of an item."""

    def __init__(self, outbox: Outbox, items: Items) -> None:
        self._outbox = outbox
        self._items = items
        self.current: Response | None = None
        self._said: dict[str, Response] = {}

    def of(self, item: str) -> Response | None:
        """Return the response that an assistant's item belongs to, for the newest few."""
        return self._said.get(item)

    def begin(
        self, turn: str, modalities: tuple[str, ...], *, before: int = 0, metadata: dict[str, str] | None = None
    ) -> Response:
        """Begin a response; one that is not done is cancelled first."""
        if self.current is not None:
            self.end("cancelled", reason="turn_detected")
        self.current = Response(turn, modalities, metadata, before)
        self._outbox.put("response.created", response=self.current.told("in_progress"))
        return self.current

    def say(self, text: str) -> None:
        """Send a piece of the reply that is going to be spoken, or, of a written response, is there."""
        if self.current is None:
            return
        response, item = self.current, self._opened(self.current)
        response.text += text
        kind = "response.output_audio_transcript.delta" if response.audible else "response.output_text.delta"
        self._outbox.put(kind, **self._place(response, item), delta=text)

    def sound(self, pcm: bytes) -> None:
        """Send a block of its sound to the client."""
        if self.current is None:
            return
        response, item = self.current, self._opened(self.current)
        response.sent += len(pcm) // SAMPLE_BYTES
        self._outbox.put_sound(self._place(response, item), pcm)

    def drop_sound(self, response: Response) -> None:
        """None of its sound that still waits is sent."""
        response.sent -= self._outbox.drop_sound() // SAMPLE_BYTES

    def call(self, call_id: str, name: str, arguments: dict[str, Any]) -> None:
        """Send the client the mind's call of one of its tools."""
        response = self.current
        if response is None:
            return
        self._close_message(response, "completed")
        item = call(new_item(), call_id, name, "", "in_progress")
        at = len(response.output)
        self._outbox.put("response.output_item.added", response_id=response.id, output_index=at, item=item)
        before = self._items.add(item)
        self._outbox.put("conversation.item.added", previous_item_id=before, item=item)
        text = json.dumps(arguments, ensure_ascii=False)
        where = {"response_id": response.id, "item_id": item["id"], "output_index": at, "call_id": call_id}
        self._outbox.put("response.function_call_arguments.delta", **where, delta=text)
        self._outbox.put("response.function_call_arguments.done", **where, name=name, arguments=text)
        item |= {"arguments": text, "status": "completed"}
        response.output.append(item)
        self._outbox.put("response.output_item.done", response_id=response.id, output_index=at, item=item)
        self._outbox.put("conversation.item.done", previous_item_id=before, item=item)

    def end(self, status: str, *, reason: str | None = None, error: str = "", heard: str | None = None) -> None:
        """End the response: `completed`, `cancelled` (with a reason) or `failed`. `heard`: what its item holds."""
        response = self.current
        if response is None:
            return
        self._close_message(response, "completed" if status == "completed" else "incomplete", heard)
        details: dict[str, Any] | None = None
        if status == "cancelled":
            details = {"type": "cancelled", "reason": reason or "client_cancelled"}
        elif status == "failed":
            details = {"type": "failed", "error": {"type": "server_error", "code": "failed", "message": error[:400]}}
        response.done = True
        self.current = None
        self._outbox.put("response.done", response=response.told(status, details))

    def heard(self, response: Response, text: str) -> None:
        """Have the response's item hold what was heard of it."""
        if response.item is not None:
            response.item["content"] = [_content(response, text)]

    def sent_ms(self, response: Response) -> int:
        """Milliseconds of sound that the client was sent of it."""
        return response.sent * 1000 // RATE

    def _opened(self, response: Response) -> Item:
        if response.item is None:
            item = response.item = message(new_item(), "assistant", [], "in_progress")
            self._said[item["id"]] = response
            while len(self._said) > 8:
                del self._said[next(iter(self._said))]
            at = len(response.output)
            self._outbox.put("response.output_item.added", response_id=response.id, output_index=at, item=item)
            before = self._items.add(item)
            self._outbox.put("conversation.item.added", previous_item_id=before, item=item)
            part = {"type": "audio", "transcript": ""} if response.audible else {"type": "text", "text": ""}
            self._outbox.put("response.content_part.added", **self._place(response, item), part=part)
        return response.item

    def _close_message(self, response: Response, status: str, heard: str | None = None) -> None:
        item = response.item
        if item is None or item in response.output:
            return
        place = self._place(response, item)
        if response.audible:
            self._outbox.put("response.output_audio.done", **place)
            self._outbox.put("response.output_audio_transcript.done", **place, transcript=response.text)
            part = {"type": "audio", "transcript": response.text}
        else:
            self._outbox.put("response.output_text.done", **place, text=response.text)
            part = {"type": "text", "text": response.text}
        self._outbox.put("response.content_part.done", **place, part=part)
        item |= {"status": status, "content": [_content(response, response.text if heard is None else heard)]}
        at = len(response.output)
        response.output.append(item)
        self._outbox.put("response.output_item.done", response_id=response.id, output_index=at, item=item)
        self._outbox.put("conversation.item.done", previous_item_id=None, item=item)

    def _place(self, response: Response, item: Item) -> dict[str, Any]:
        at = response.output.index(item) if item in response.output else len(response.output)
        return {"response_id": response.id, "item_id": item["id"], "output_index": at, "content_index": 0}


def _content(response: Response, text: str) -> dict[str, Any]:
    return {"type": "output_audio", "transcript": text} if response.audible else {"type": "output_text", "text": text}
