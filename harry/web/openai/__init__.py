"""The doors that the world's programs know already: OpenAI's chat, speech, transcriptions and models.

What a program asks for is honoured or refused in a sentence that names the field. Unknown fields are passed over, as
their service does with what it does not know either.
"""
