"""What is known of a language model's server by its name alone: addresses, ports and the variables that hold keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

PORTS: Mapping[str, int] = {"ollama": 11434, "lm-studio": 1234, "llama-cpp": 8080}
"""Where each server listens unless told otherwise, the first wanted first."""

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "openrouter": {
        "kind": "openai-chat",
        "base_url": "https://openrouter.ai/api/v1",
        "model": "openai/gpt-4.1-mini",
        "api_key_env": "OPENROUTER_API_KEY",
    },
    "openai": {
        "kind": "openai-chat",
        "base_url": "https://api.openai.com/v1",
        "model": "gpt-4.1-mini",
        "api_key_env": "OPENAI_API_KEY",
    },
    **{
        name: {"kind": "openai-chat", "base_url": f"http://127.0.0.1:{port}/v1", "first_token_deadline": 60.0}
        for name, port in PORTS.items()
    },
}
"""What is known of an engine by its name; its own table is laid over it. A local server may have to load its model."""
