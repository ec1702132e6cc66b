"""Prompts for greedy comparisons, as (name, token ids, text): raw text and chat, 3 to some 700 tokens.

All texts are the project's own.
"""

import texts

_SYSTEM = "You answer in one or two plain sentences."
_PASSAGES = (
    "[1] The deposit is returned within thirty days after the keys are handed back.\n"
    "[2] The landlord may keep back what is needed to repair damage beyond fair wear.\n"
    "[3] A tenant who leaves before the end of the term owes one further month of rent.\n")

_RAW = {
    "raw_short": "The capital of France is",
    "raw_legal": "1. Definitions. In this agreement, \"Licensee\" means",
    "raw_code": "def fibonacci(n):\n    \"\"\"Return the n-th Fibonacci number.\"\"\"\n",
    "raw_list": "Symptoms of dehydration include:\n- dry mouth\n- ",
    "raw_story": "Once upon a time, in a village by the sea, there lived",
    "raw_long": "\n".join(texts.embedding_texts()[:24]) + "\n" + _PASSAGES + "In summary,",
}
_CHAT = {
    "chat_question": [("user", "What does a semaphore do?")],
    "chat_system": [("system", _SYSTEM), ("user", "Why is the sky blue?")],
    "chat_passages": [
        ("system", _SYSTEM),
        ("user", _PASSAGES + "\nQuestion: When is the deposit returned?")],
    "chat_turns": [
        ("user", "Name a primary colour."), ("assistant", "Blue."), ("user", "Name another one.")],
    "chat_numbers": [("user", "Count from one to ten in words.")],
}
_DEFAULT_SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


def smollm2_chat_text(turns):
    turns = list(turns)
    if turns[0][0] != "system":
        turns.insert(0, ("system", _DEFAULT_SYSTEM))
    text = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in turns)
    return text + "<|im_start|>assistant\n"


def smollm2_prompts(tokenizer):
    """`tokenizer` parses control tokens."""
    prompt_texts = dict(_RAW)
    prompt_texts.update({name: smollm2_chat_text(turns) for name, turns in _CHAT.items()})
    return [(name, tokenizer.encode(text).ids, text) for name, text in prompt_texts.items()]
