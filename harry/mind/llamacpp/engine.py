"""A language model from a GGUF file, run in this process by xllamacpp (llama.cpp).

The library's own door is kept shut: it insists on listening on the loopback interface, so it is given a key nobody
knows and tells nothing of its slots. Its memory of the last prompt makes the next one quick, where both begin alike.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import re
import secrets
import threading
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

import trio
from pydantic import Field

from actors.protocols import Delta, EngineTraits, Message, Request, Role, TextDelta, TextPart, ToolResult, Usage
from harry.engines.registry import EngineFacts, EngineSettings
from harry.engines.worker_threads import Emit, WorkerThreads
from harry.errors import EngineError, EngineUnavailable
from harry.installation import how_to_install
from harry.mind.reasoning_filter import ThoughtFilter

OTHER_MINDS = "Use another mind: an API key, or a server such as Ollama."

_CONTROL = re.compile(
    r"<(?=[|\uff5c]|/?s>|[a-z]+_of_[a-z]+>|[be]os>|/?tool)|\[(?=/?(?:INST|SYSTEM_PROMPT|TOOL|AVAILABLE))"
)
"""How the control tokens of common chat templates begin (ChatML, Llama, Gemma, Mistral, DeepSeek)."""

_BATCH = 64
"""Tokens of the prompt between two looks at whether anybody still listens."""
_CACHE_MIB = 256
"""Memory for prompts that were put aside; the library's own bound is 8 GiB."""
_GRACE = 2.0
"""Seconds that closing waits for a thread to notice."""
_MIN_MODEL_BYTES = 1 << 16
"""Bytes. No model is smaller; a page saved in its place is."""


class Runtime(Protocol):
    """What is used of `xllamacpp.Server`."""

    def handle_chat_completions(self, request: dict[str, Any], callback: Callable[[Any], bool]) -> Any:
        """Answer, calling `callback` with each event until it returns True."""
        ...


class Gguf:
    """One model, one reply at a time. `load` takes its time; everything after runs in a thread of its own."""

    class Settings(EngineSettings):
        """`context` and `max_tokens` are tokens, `deadline` is seconds without a word."""

        path: Path
        context: int = Field(2048, ge=256)
        threads: int = Field(2, ge=1)
        max_tokens: int = Field(512, ge=1)
        temperature: float = Field(0.7, ge=0, le=2)
        repeat_penalty: float = Field(1.1, ge=0.5, le=2)
        deadline: float = Field(30.0, gt=0)

    traits: ClassVar[EngineTraits] = EngineTraits(embedded=True, toolless=True)

    def __init__(self, name: str, settings: Settings, path: Path, runtime: Runtime) -> None:
        self.name = name
        self._settings = settings
        self._path = path
        self._runtime: Runtime | None = runtime
        self._offload = WorkerThreads(name, deadline=settings.deadline)
        self._busy = threading.Lock()

    @classmethod
    def load(cls, name: str, settings: Settings) -> Gguf:
        """Load the model; blocking, about half a second for 100 MB. Raises `EngineUnavailable`."""
        return cls(name, settings, settings.path, load_runtime(settings.path, settings))

    @classmethod
    def check_available(cls, name: str, settings: Settings) -> None:
        """Raise `EngineUnavailable` if the file or the library is missing; nothing is loaded."""
        check(settings.path)

    @classmethod
    def facts(cls, name: str, settings: Settings) -> EngineFacts:
        """Return what it works with."""
        return EngineFacts(packages=("xllamacpp",))

    @property
    def retired(self) -> bool:
        """Whether a call outlived its deadline, so that a fresh instance is needed."""
        return self._offload.retired

    def describe(self) -> str:
        """Return one line for the startup report."""
        return f"{self._path.stem} (GGUF file)"

    async def aclose(self) -> None:
        """Let go of the model, as soon as no thread uses it."""
        runtime, self._runtime = self._runtime, None
        if runtime is None:
            return
        last = [runtime]
        del runtime

        def free() -> None:
            with self._busy:
                last.clear()

        # A thread that hangs keeps the model to itself; nobody waits for it.
        with trio.move_on_after(_GRACE, shield=True):
            await trio.to_thread.run_sync(free, abandon_on_cancel=True)

    async def reply(self, request: Request, emit: Callable[[Delta], Awaitable[None]]) -> None:
        """Answer, token by token. The oldest of the conversation is left out where it does not fit.

        Raises `EngineTimeout` when no word comes within the deadline, else `EngineError`.
        """
        runtime = self._runtime
        if runtime is None:
            raise EngineError(f"{self.name} has been closed.")
        await self._offload.stream(lambda heard: self._answer(runtime, request, heard), emit)

    def _answer(self, runtime: Runtime, request: Request, emit: Emit[Delta]) -> None:
        tokens = min(request.max_tokens, self._settings.max_tokens, self._settings.context // 2)
        messages: list[Message] | None = list(request.messages)
        with self._busy:
            while messages is not None and not emit.stopped:
                too_long = self._attempt(runtime, messages, tokens, emit)
                if too_long is None:
                    return
                messages = drop_oldest(messages, too_long)
        if messages is None:
            raise EngineError(
                "What you said is too long for this mind to hold.", remedy="Say it in parts, or use a larger context."
            )

    def _attempt(self, runtime: Runtime, messages: Sequence[Message], tokens: int, emit: Emit[Delta]) -> float | None:
        """Ask once; return None when it was answered, else which part of the prompt's length would fit."""
        refusal: list[Mapping[str, Any]] = []
        thoughts = ThoughtFilter()
        failure: list[Exception] = []
        usage: list[Usage] = []

        def take(event: Any) -> bool:
            # The library swallows what its callback raises, so it is kept here and raised when it has returned.
            try:
                body = json.loads(event) if isinstance(event, (str, bytes)) else event
                if "error" in body:
                    refusal.append(body["error"])
                    return True
                deltas = read_deltas(body, thoughts)
                # What it cost is the last word of a reply: more text may be held back until the end is known.
                usage.extend(delta for delta in deltas if isinstance(delta, Usage))
                return emit.stopped or not all(emit(delta) for delta in deltas if not isinstance(delta, Usage))
            except Exception as error:  # noqa: BLE001 - raised again below, in the thread that asked
                failure.append(error)
                return True

        runtime.handle_chat_completions(
            {
                "messages": merge_roles([serialize_message(message) for message in messages]),
                "max_tokens": tokens,
                "temperature": self._settings.temperature,
                "repeat_penalty": self._settings.repeat_penalty,
                # A thought of its own would keep the person waiting for the first word.
                "chat_template_kwargs": {"enable_thinking": False},
                "cache_prompt": True,
                "stream": True,
                "stream_options": {"include_usage": True},
                "return_progress": True,
            },
            take,
        )
        if failure:
            raise failure[0]
        if not refusal:
            rest = thoughts.end()
            for delta in ([TextDelta(rest)] if rest else []) + usage[-1:]:
                if not emit.stopped:
                    emit(delta)
            return None
        return self._too_long(refusal[0], tokens)

    def _too_long(self, refusal: Mapping[str, Any], tokens: int) -> float:
        if refusal.get("type") == "exceed_context_size_error":
            prompt = max(1, int(refusal.get("n_prompt_tokens", 0)))
            return (self._settings.context - tokens) / prompt
        raise EngineError(f"{self.name} refused the prompt: {refusal.get('message', 'it did not say why')}.")


def read_deltas(body: Mapping[str, Any], thoughts: ThoughtFilter | None = None) -> list[Delta]:
    """Return the deltas of an event: text without thoughts, usage, or nothing (progress)."""
    said: list[Delta] = []
    for choice in body.get("choices") or ():
        text = (choice.get("delta") or {}).get("content")
        text = thoughts.feed(text) if text and thoughts is not None else text
        if text:
            said.append(TextDelta(text))
    usage = body.get("usage")
    if usage:
        said.append(Usage(int(usage.get("prompt_tokens", 0)), int(usage.get("completion_tokens", 0))))
    return said


def serialize_message(message: Message) -> dict[str, str]:
    """Write a message as the library wants it. Pictures are left out: these models cannot see.

    llama.cpp reads control tokens wherever they stand, so a text that spells one is broken up: it could end its message
    and begin another in a role of its choice.
    """
    text = "".join(part.text for part in message.parts if isinstance(part, TextPart | ToolResult))
    return {"role": message.role.value, "content": _CONTROL.sub(r"\g<0> ", text)}


def merge_roles(messages: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    """Join neighbours of the same role: many models' templates demand that roles take turns."""
    joined: list[dict[str, str]] = []
    for message in messages:
        if joined and joined[-1]["role"] == message["role"]:
            joined[-1] = {**message, "content": f"{joined[-1]['content']}\n\n{message['content']}"}
        else:
            joined.append(message)
    return joined


def drop_oldest(messages: Sequence[Message], part: float) -> list[Message] | None:
    """Drop the oldest messages until `part` of the length remains; return None if nothing more can go.

    What comes first (the system's messages) and last (the utterance) stays, and the rest begins with the user's words.
    """
    first = next((at for at, message in enumerate(messages) if message.role is not Role.SYSTEM), len(messages))
    head, middle, last = list(messages[:first]), list(messages[first:-1]), list(messages[-1:])
    if not middle:
        return None
    lengths = [len(serialize_message(message)["content"]) for message in messages]
    excess = sum(lengths) * (1 - part)
    while middle and (excess > 0 or middle[0].role is Role.ASSISTANT):
        excess -= len(serialize_message(middle.pop(0))["content"]) + 1
    return head + middle + last


def load_runtime(path: Path, settings: Gguf.Settings) -> Runtime:
    """Check the processor and the file, then load; blocking. Raises `EngineUnavailable` with a remedy."""
    check(path)
    # libgomp reads this once. Waiting threads that spin cost nine tenths of the speed beside any other load.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        import xllamacpp  # noqa: PLC0415 - 100 MB of library, only for those who use it
    except ImportError as error:
        raise _no_library() from error
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = settings.context
    params.n_parallel = 1
    params.n_batch = params.n_ubatch = _BATCH
    params.cache_ram_mib = _CACHE_MIB
    params.verbosity = -1
    params.cpuparams.n_threads = min(settings.threads, os.cpu_count() or 1)
    params.cpuparams_batch.n_threads = params.cpuparams.n_threads
    params.ui = params.endpoint_slots = params.endpoint_props = params.endpoint_metrics = False
    params.api_keys = [secrets.token_urlsafe(32)]
    try:
        runtime = xllamacpp.Server(params)
        # A server that is let go before its loop runs waits for that loop for ever, and holds up the whole process. The
        # loop runs once it has answered.
        runtime.handle_completions({"prompt": "a", "n_predict": 0, "cache_prompt": False})
    except RuntimeError as error:
        raise EngineUnavailable(
            f"The model file {path} cannot be loaded: it is damaged, or of a kind that is not known here.",
            remedy=f"Fetch it again. {OTHER_MINDS}",
        ) from error
    loaded: Runtime = runtime
    return loaded


def check(path: Path) -> None:
    """Raise `EngineUnavailable` unless processor, file and library are fit; nothing is loaded."""
    check_processor()
    check_file(path)
    if importlib.util.find_spec("xllamacpp") is None:
        raise _no_library()


def _no_library() -> EngineUnavailable:
    if platform.machine() not in ("x86_64", "AMD64", "aarch64", "arm64"):
        # The extra does not bring it there.
        return EngineUnavailable(
            f"The library that runs GGUF files is not made for this processor ({platform.machine()}).",
            remedy=OTHER_MINDS,
        )
    return EngineUnavailable(
        "The library that runs GGUF files is not installed here.", remedy=f"{how_to_install()} {OTHER_MINDS}"
    )


def check_file(path: Path) -> None:
    """Raise `EngineUnavailable` unless the file begins and measures like a GGUF model."""
    try:
        with path.open("rb") as file:
            magic = file.read(4)
            size = file.seek(0, os.SEEK_END)
    except OSError as error:
        raise EngineUnavailable(
            f"The model file {path} cannot be read ({error.strerror}).", remedy=f"Check the path. {OTHER_MINDS}"
        ) from error
    if magic != b"GGUF" or size < _MIN_MODEL_BYTES:
        raise EngineUnavailable(f"{path} is not a GGUF model file.", remedy=f"Fetch it again. {OTHER_MINDS}")


def check_processor(cpuinfo: Path = Path("/proc/cpuinfo")) -> None:
    """Raise `EngineUnavailable` without AVX2: the library is built for it, and would end the process."""
    if platform.machine() not in ("x86_64", "AMD64"):
        return
    try:
        flags = next((line for line in cpuinfo.read_text().splitlines() if line.startswith("flags")), None)
    except OSError:
        return
    if flags is not None and "avx2" not in flags.split():
        raise EngineUnavailable(
            "This computer's processor has no AVX2, which embedded models need.", remedy=OTHER_MINDS
        )
