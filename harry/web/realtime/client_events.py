"""What a Realtime client asks for, event by event. Whatever cannot be is answered by an `error` event, and no more.

Handlers are named after the events' types; each is given the event as it came, of which nothing is believed.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
import trio

from channels.event_types import Transcribed
from channels.messages import Exchange, Source, Utterance
from channels.turn import new_id
from harry import images as pictures
from harry.errors import EngineError
from harry.files.json_text import check_depth
from harry.services.transcription import understood
from harry.session.session import Session
from harry.web.realtime.items import Item, message, new_item
from harry.web.realtime.server_events import error
from harry.web.realtime.settings import RATE, Wrong, modalities
from harry.web.realtime.state import ConversationState

LONGEST_BUFFER = 300 * RATE * 2
"""Bytes of sound that wait for a commit."""

LEAST_BUFFER = RATE // 10 * 2
"""Bytes that a commit needs: a tenth of a second, as the service wants it."""

LONGEST_TEXT = 100_000

MOST_PICTURES = 8
"""Pictures that wait for the response they are shown for; the newest count."""

MOST_UNANSWERED = 32
"""Messages that wait for a response; the newest count."""

log = structlog.get_logger(__name__)


class ClientEvents:
    """The client's side of one conversation."""

    def __init__(self, state: ConversationState, session: Session) -> None:
        self._state = state
        self._session = session
        self._outbox = state.outbox
        self._items = state.items
        self._responses = state.responses
        self._telling = state.telling
        self._tools = state.tools
        self._card = state.card
        self._buffer = bytearray()
        self._unanswered: deque[str] = deque(maxlen=MOST_UNANSWERED)
        self._shown: deque[str] = deque(maxlen=MOST_PICTURES)
        self._known = {
            "session.update": self._session_update,
            "input_audio_buffer.append": self._append,
            "input_audio_buffer.commit": self._commit,
            "input_audio_buffer.clear": self._clear,
            "output_audio_buffer.clear": self._output_clear,
            "conversation.item.create": self._item_create,
            "conversation.item.retrieve": self._item_retrieve,
            "conversation.item.delete": self._item_delete,
            "conversation.item.truncate": self._item_truncate,
            "response.create": self._response_create,
            "response.cancel": self._response_cancel,
            "harry.playback.position": self._position,
            "harry.mute": self._mute,
            "harry.off_the_record": self._off_the_record,
            "harry.press": self._press,
        }

    async def take(self, text: str | bytes) -> None:
        """Take one message of the client's."""
        event: Any = None
        try:
            event = _parsed(text)
            await self._handler(event)(event)
        except Wrong as wrong:
            self._refuse(wrong.message, wrong.code, wrong.param, event)
        except pictures.PictureError as failure:
            self._refuse(str(failure), "invalid_value", "item.content", event)
        except EngineError as failure:
            log.warning("a wish failed", cause=str(failure))
            self._refuse(str(failure), "not_now", None, event)

    def _handler(self, event: Any) -> Callable[[Mapping[str, Any]], Awaitable[None]]:
        if not isinstance(event, dict) or not isinstance(event.get("type"), str):
            raise Wrong("A message is a JSON object with a `type`.", "type", "invalid_json")
        handler = self._known.get(event["type"])
        if handler is None:
            raise Wrong(f"Events of the type `{event['type'][:80]}` are not known here.", "type", "unknown_event")
        return handler

    def said(self, utterance: Utterance) -> None:
        """Somebody has spoken, and no response is wanted before the client asks for one."""
        self._unanswered.append(utterance.text)

    def _refuse(self, message_: str, code: str, param: str | None, event: Any) -> None:
        identity = event.get("event_id") if isinstance(event, dict) else None
        error(self._outbox, message_, code=code, param=param, event_id=identity)

    # The session.

    async def _session_update(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        asked = event.get("session")
        if not isinstance(asked, dict):
            raise Wrong("`session` is an object.", "session")
        settings, wrongs = self._state.settings.updated(asked)
        self._state.apply(settings, self._session)
        for wrong in wrongs:
            self._refuse(wrong.message, wrong.code, wrong.param, event)
        self._outbox.put("session.updated", session=self._state.describe(self._session))

    # What is said.

    async def _append(self, event: Mapping[str, Any]) -> None:
        # No checkpoint: it comes fifty times a second, and reading the message was one.
        pcm = _sound(event.get("audio"), "audio")
        if self._state.settings.detection is not None:
            self._card.hear(pcm)
        elif len(self._buffer) + len(pcm) > LONGEST_BUFFER:
            raise Wrong("The input buffer is full: commit or clear it.", "audio", "input_audio_buffer_full")
        else:
            self._buffer += pcm

    async def _commit(self, _: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        if self._state.settings.detection is not None:
            if self._session.speech_input.listener is not None and self._session.speech_input.listener.hearing:
                self._session.speech_input.listener.release()
                return
            raise Wrong("Nobody is speaking: there is nothing to commit.", None, "input_audio_buffer_commit_empty")
        if len(self._buffer) < LEAST_BUFFER:
            raise Wrong("The input buffer is too small: it needs 100 ms.", None, "input_audio_buffer_commit_empty")
        pcm, self._buffer = bytes(self._buffer), bytearray()
        item = message(new_item(), "user", [{"type": "input_audio", "transcript": None}])
        before = self._items.add(item)
        self._outbox.put("input_audio_buffer.committed", previous_item_id=before, item_id=item["id"])
        self._added(item, before)
        ear = self._state.engines.speech_to_text
        if ear is None:
            raise Wrong("Harry has no ear here.", None, "not_now")
        heard = await understood(ear, pcm, RATE)
        self._telling.transcribed(item["id"], heard.text, round(heard.seconds, 3))
        self._unanswered.append(heard.text)

    async def _clear(self, _: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self._buffer.clear()
        self._card.forget()
        self._outbox.put("input_audio_buffer.cleared")

    async def _output_clear(self, _: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        current = self._responses.current
        self._session.conductor.cut("stop")
        self._telling.catch_up()
        self._outbox.put("output_audio_buffer.cleared", response_id=current.id if current is not None else "")

    async def _mute(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self._session.speech_input.mute(_switch(event, "muted"))

    async def _off_the_record(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self._session.dialogue.off_the_record(_switch(event, "off"))

    async def _press(self, _: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self._session.speech_input.press()

    # Items.

    async def _item_create(self, event: Mapping[str, Any]) -> None:
        given = event.get("item")
        if not isinstance(given, dict):
            raise Wrong("`item` is an object.", "item")
        identity = given.get("id") or new_item()
        if not isinstance(identity, str) or len(identity) > 100 or self._items.get(identity) is not None:
            raise Wrong("`item.id` is a text that no other item has.", "item.id")
        if given.get("type") == "function_call_output":
            item = self._output(identity, given)
        elif given.get("type") == "message":
            item = await self._message(identity, given)
        elif given.get("type") == "function_call":
            item = {**given, "id": identity, "object": "realtime.item", "status": "completed"}
        else:
            raise Wrong("An item is a `message`, a `function_call` or a `function_call_output`.", "item.type")
        after = event.get("previous_item_id")
        try:
            before = self._items.add(item, after=after if isinstance(after, str) else None)
        except KeyError:
            raise Wrong("There is no such item.", "previous_item_id", "item_not_found") from None
        self._added(item, before)

    def _added(self, item: Item, before: str | None) -> None:
        self._outbox.put("conversation.item.added", previous_item_id=before, item=item)
        self._outbox.put("conversation.item.done", previous_item_id=before, item=item)

    def _output(self, identity: str, given: Mapping[str, Any]) -> Item:
        call_id, output = given.get("call_id"), given.get("output")
        if not isinstance(call_id, str):
            raise Wrong("`call_id` is a text.", "item")
        if not isinstance(output, str):
            output = "" if output is None else json.dumps(output, ensure_ascii=False)
        if not self._tools.output(call_id, output):
            self._session.tools.add_late_result("a tool", output)
        return {
            "id": identity, "object": "realtime.item", "type": "function_call_output", "status": "completed",
            "call_id": call_id, "output": output,
        }  # fmt: skip

    async def _message(self, identity: str, given: Mapping[str, Any]) -> Item:
        role, content = given.get("role"), given.get("content")
        if role not in ("user", "assistant", "system") or not isinstance(content, list) or len(content) > 64:
            raise Wrong("A message has a `role` (user, assistant, system) and a list of `content`.", "item")
        texts = [await self._content(part, role) for part in content]
        text = "\n".join(line for line in texts if line)
        if role == "user":
            self._unanswered.append(text)
        elif role == "system":
            self._state.notes.append(text)
        else:
            self._session.conductor.remember(Exchange(new_id(), "", text, interrupted=False))
        return message(identity, role, content)

    async def _content(self, part: Any, role: str) -> str:
        kind = part.get("type") if isinstance(part, dict) else None
        if kind in ("input_text", "text", "output_text") and isinstance(part.get("text"), str):
            return str(part["text"])[:LONGEST_TEXT]
        if kind in ("output_audio", "audio") and role == "assistant":
            return str(part.get("transcript") or "")[:LONGEST_TEXT]
        if kind == "input_image" and role == "user" and isinstance(part.get("image_url"), str):
            self._shown.append(await trio.to_thread.run_sync(pictures.sanitize, part["image_url"]))
            return ""
        if kind == "input_audio" and role == "user" and isinstance(part.get("audio"), str):
            ear = self._state.engines.speech_to_text
            if ear is None:
                raise Wrong("Harry has no ear here.", "item.content", "not_now")
            heard = await understood(ear, _sound(part["audio"], "item.content"), RATE)
            part["transcript"] = heard.text
            part.pop("audio")
            return heard.text
        raise Wrong("A part of the content is not understood.", "item.content")

    def _wanted(self, event: Mapping[str, Any]) -> Item:
        item = self._items.get(event.get("item_id"))
        if item is None:
            raise Wrong("There is no such item.", "item_id", "item_not_found")
        return item

    async def _item_retrieve(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self._outbox.put("conversation.item.retrieved", item=self._wanted(event))

    async def _item_delete(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        item = self._wanted(event)
        self._items.delete(item["id"])
        self._outbox.put("conversation.item.deleted", item_id=item["id"])

    async def _item_truncate(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self._telling.catch_up()
        item, end = self._wanted(event), event.get("audio_end_ms")
        response = self._responses.of(item["id"])
        if response is None or not response.audible:
            raise Wrong("Only Harry's own spoken messages, the newest of them, can be truncated.", "item_id")
        if isinstance(end, bool) or not isinstance(end, int) or end < 0:
            raise Wrong("`audio_end_ms` is a whole number of milliseconds.", "audio_end_ms")
        end = min(end, self._responses.sent_ms(response))
        slot = self._telling.slot_of(response)
        if slot is not None:
            earlier = slot.heard_within(response.before)
            heard = slot.heard_within(response.before + end * RATE // 1000)
            self._responses.heard(response, heard[len(earlier) :])
        self._outbox.put("conversation.item.truncated", item_id=item["id"], content_index=0, audio_end_ms=end)

    # Responses.

    async def _response_create(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self._telling.catch_up()
        given = event.get("response") or {}
        if not isinstance(given, dict):
            raise Wrong("`response` is an object.", "response")
        told, kinds, metadata = _asked(given)
        if self._tools.go_on():
            return
        current = self._responses.current
        # Who knows Harry writes as at the terminal, and takes the floor; what else he answered may not be known there.
        written = self._outbox.knows_harry and bool(self._unanswered or self._shown)
        if current is not None and not written:
            raise Wrong(
                f"There is a response already, {current.id}. Wait for it or cancel it.", None,
                "conversation_already_has_active_response",
            )  # fmt: skip
        self._telling.modalities, self._telling.metadata = kinds, metadata
        self._state.now = (told, kinds)
        text, shown = "\n".join(self._unanswered)[-LONGEST_TEXT:], tuple(self._shown)
        self._unanswered.clear()
        self._shown.clear()
        now = self._session.clock.now()
        said = Utterance(new_id(), text, Source.REMOTE, now, now, pictures=shown)
        if written:
            self._session.dialogue.answer_written(said)
            self._telling.catch_up()
            return
        if text:
            # As a typed line at the terminal: whoever watches this conversation sees what was said in it.
            self._session.events.publish(
                Transcribed(utterance=said.id, partial=False, text=text, meant=True, ended_at=now)
            )
        if self._session.answer(self._session.dialogue.heed(said)) is None:
            raise Wrong("Harry is stuck: earlier answers do not end.", None, "not_now")
        self._telling.catch_up()

    async def _response_cancel(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        self._telling.catch_up()
        current, wanted = self._responses.current, event.get("response_id")
        if current is None or wanted not in (None, current.id):
            raise Wrong("There is no such response to cancel.", "response_id", "response_cancel_not_active")
        self._session.conductor.cut("stop")
        self._telling.catch_up()

    async def _position(self, event: Mapping[str, Any]) -> None:
        await trio.lowlevel.checkpoint()
        item, played = event.get("item_id"), event.get("audio_ms")
        if not isinstance(item, str) or isinstance(played, bool) or not isinstance(played, int | float):
            raise Wrong("`item_id` is a text and `audio_ms` a number.", "audio_ms")
        response = self._responses.of(item)
        if response is not None and response is self._responses.current:
            sent = self._responses.sent_ms(response)
            self._card.reported((sent - min(max(played, 0), sent)) / 1000)


def _parsed(text: str | bytes) -> Any:
    """Read a message. Raises `Wrong` for what is no JSON of RFC 8259, or no text that could be written down."""
    try:
        written = text if isinstance(text, str) else text.decode()
        event = _DECODER.decode(written)
        check_depth(event)
        if "\\u" in written:
            json.dumps(event, ensure_ascii=False).encode()  # half a surrogate pair cannot be written
    except (ValueError, RecursionError):
        raise Wrong("The message is not JSON.", None, "invalid_json") from None
    return event


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(parse_constant=_no_number)


def _switch(event: Mapping[str, Any], name: str) -> bool:
    """Read what is true or false. Raises `Wrong`."""
    value = event.get(name)
    if not isinstance(value, bool):
        raise Wrong(f"`{name}` is true or false.", name)
    return value


def _sound(audio: Any, param: str) -> bytes:
    """Decode samples from base64. Raises `Wrong`."""
    if not isinstance(audio, str):
        raise Wrong("`audio` is base64.", param)
    try:
        pcm = base64.b64decode(audio, validate=True)
    except (binascii.Error, ValueError):
        raise Wrong("`audio` is base64.", param) from None
    if len(pcm) % 2:
        raise Wrong("Sound has two bytes a sample.", param)
    return pcm


def _asked(given: Mapping[str, Any]) -> tuple[str, tuple[str, ...] | None, dict[str, str] | None]:
    """Read what a client wants of one response: instructions, modalities and metadata. Raises `Wrong`."""
    # What holds for the whole session (tools, a limit, a choice) is passed over: whoever sends it wants an answer.
    wanted = given.get("output_modalities", given.get("modalities"))
    kinds = modalities(wanted, "response.output_modalities")
    if given.get("conversation") not in (None, "auto") or given.get("input"):
        raise Wrong("A response belongs to the conversation here.", "response.conversation")
    told = given.get("instructions") or ""
    if not isinstance(told, str) or len(told) > LONGEST_TEXT:
        raise Wrong("`instructions` is a text.", "response.instructions")
    metadata = given.get("metadata")
    if metadata is not None and (not isinstance(metadata, dict) or len(metadata) > 16):
        raise Wrong("`metadata` holds at most sixteen texts.", "response.metadata")
    if metadata is not None:
        metadata = {key: value if isinstance(value, str) else json.dumps(value) for key, value in metadata.items()}
    return told, kinds, metadata
