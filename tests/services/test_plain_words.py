"""What a person said to a chat client, and what the client asks on its own account."""

from __future__ import annotations

import pytest

from harry.services.plain_words import is_housekeeping, is_plain

TITLE = """### Task:
Generate a concise, 3-5 word title with an emoji summarizing the chat history.
### Guidelines:
- The title should clearly represent the main theme or subject of the conversation.
### Output:
JSON format: { "title": "your concise title here" }
### Chat History:
<chat_history>
USER: Set a timer for ten minutes.
</chat_history>"""


@pytest.mark.parametrize(
    "text",
    [
        TITLE,
        "### Task:\nSuggest 3-5 relevant follow-up questions or prompts that the user might naturally ask next",
        "### Task:\nGenerate 1-3 broad tags categorizing the main themes of the chat history",
        "Create a concise title for this conversation. Reply with the title only. Set a timer for ten minutes.",
        "Summarize the conversation so far in one paragraph.",
        "Generate a title for the following chat:\nUser: remind me to call Anna at six",
        "[Pause your roleplay. Summarize the most important facts of the story so far.]",
        "<context>remind me at six</context>",
        "Suggest tags for this chat: set a timer",
    ],
)
def test_what_a_client_asks_on_its_own_account_is_no_wish(text: str) -> None:
    assert is_housekeeping(text)
    assert not is_plain(text)


@pytest.mark.parametrize(
    "text",
    [
        "Set a timer for ten minutes.", "What time is it?", "remind me to write a title for my talk tomorrow at nine",
        "How are you?\nWhat's the date?", "Create a shopping list", "give me a summary of my day",
    ],
)  # fmt: skip
def test_what_a_person_says_may_be_a_wish(text: str) -> None:
    assert is_plain(text)


@pytest.mark.parametrize("text", ["", "  \n ", "a\nb\nc", "word " * 200])
def test_long_or_many_lined_or_empty_words_are_no_plain_wish(text: str) -> None:
    assert not is_plain(text)
