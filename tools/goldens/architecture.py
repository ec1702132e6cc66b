"""One tiny random model of an architecture: built, saved as checkpoints of it are, and measured.

A description says what to build; `save` writes the Hugging Face folder, `reload` reads it back in
float32, `write_gguf` runs llama.cpp's converter on it, and `measure` gives logits and greedy tokens.
"""

import contextlib
import dataclasses
import importlib
import json
import pathlib
import shutil
import sys
import typing

import numpy as np
import torch
import transformers
from safetensors.torch import save_file

import tiny_models

torch.set_num_threads(1)  # handing out work takes longer than models this small

VOCABULARY = 128
CONTEXT = 64
GREEDY_TOKENS = 24
SHORT, LONG = 6, 36  # tokens of the two prompts


@dataclasses.dataclass
class Architecture:
    """What to build. Configurations are transformers' own objects, so keys and defaults are too."""
    name: str
    config: transformers.PreTrainedConfig
    dtype: torch.dtype = torch.float16  # of the stored weights
    seed: int = 1
    # The config.json that is written, from the one that transformers writes: `before_v5` or None.
    spelling: typing.Callable[[dict], dict] | None = None
    # The tensors that are written, from the state dict: other names, stray buffers.
    tensors: typing.Callable[[dict], dict] | None = None
    # Changes of config.json with which the same weights compute something else.
    variants: list[dict] = dataclasses.field(default_factory=list)
    # Changes with which Hugging Face computes what the GGUF is able to say; None: no GGUF says it.
    gguf: dict | None = dataclasses.field(default_factory=dict)
    # Changes without which the converter fails or writes what is not true.
    converter: dict = dataclasses.field(default_factory=dict)


def before_v5(config):
    """The spelling of before transformers v5: rope_theta, rope_scaling and torch_dtype at the top."""
    config = dict(config)
    rope = dict(config.pop("rope_parameters", None) or {})
    for key in ("rope_theta", "partial_rotary_factor"):
        if key in rope:
            config[key] = rope.pop(key)
    kind = rope.pop("rope_type", "default")
    config["rope_scaling"] = None if kind == "default" else {"type": kind, **rope}
    config["torch_dtype"] = config.pop("dtype")
    config["transformers_version"] = "4.40.0"
    return config


def tokenizer():
    """Byte-level BPE over the printable characters of ASCII: a whole alphabet would be larger than
    the vocabulary of models this small."""
    alphabet = [chr(code) for code in range(33, 127)] + ["Ġ", "Ċ"]
    return tiny_models.byte_level_tokenizer(VOCABULARY, alphabet)


def randomise(model, seed):
    """Norms around what they start with, biases around zero, matrices that keep activations near
    unit size and attention far from uniform."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for module in model.modules():
            kind = type(module).__name__
            for name, parameter in module.named_parameters(recurse=False):
                noise = torch.randn(parameter.shape, generator=generator)
                if parameter.dim() == 1 and name == "weight":
                    parameter.copy_(round(float(parameter.mean())) + 0.2 * noise)
                elif parameter.dim() == 1:
                    parameter.copy_(0.1 * noise)
                elif "Embedding" in kind:
                    parameter.copy_(0.6 * noise)
                else:
                    inputs = parameter.shape[0 if kind == "Conv1D" else -1]
                    parameter.copy_(1.6 * noise / inputs ** 0.5)


def build(architecture):
    model = transformers.AutoModelForCausalLM.from_config(architecture.config)
    randomise(model, architecture.seed)
    return model


def save(architecture, model, folder, words):
    """Writes the folder as a checkpoint of this architecture looks."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model.config.architectures = [type(model).__name__]
    model.config.dtype = architecture.dtype
    model.config.save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text())
    if architecture.spelling is not None:
        config = architecture.spelling(config)
    tiny_models.write_json(folder / "config.json", config)
    tensors = tiny_models.state(model, architecture.dtype)
    if architecture.tensors is not None:
        tensors = architecture.tensors(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    words.save(str(folder / "tokenizer.json"), pretty=False)
    tiny_models.write_json(folder / "generation_config.json", {"eos_token_id": 2, "bos_token_id": 1})
    tiny_models.write_json(folder / "tokenizer_config.json", {
        "bos_token": "<|im_start|>", "eos_token": "<|im_end|>", "pad_token": "<|im_end|>",
        "unk_token": "<|endoftext|>", "add_bos_token": False,
        "tokenizer_class": "PreTrainedTokenizerFast"})


def with_config(folder, changes, target):
    """`target` becomes `folder` with a changed config.json and the same weights. A change to None
    takes the key away; "a.b" is a key within an object."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in folder.iterdir():
        if path.name != "config.json":
            (target / path.name).symlink_to(path.resolve())
    config = json.loads((folder / "config.json").read_text())
    for path, value in changes.items():
        *parents, key = path.split(".")
        place = config
        for parent in parents:
            place = place[parent]
        if value is None:
            place.pop(key, None)
        else:
            place[key] = value
    tiny_models.write_json(target / "config.json", config)
    return target


def reload(folder):
    """What is measured is what was saved: read back, in float32."""
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager").eval()


def prompts(seed, vocabulary=VOCABULARY):
    rng = np.random.default_rng(seed)
    return [rng.integers(3, vocabulary, size=count).tolist() for count in (SHORT, LONG)]


def logits_of(model, ids):
    with torch.no_grad():
        return model(torch.tensor([ids]), use_cache=False).logits[0]


def greedy(model, ids):
    """Tokens, and the gap between the two best logits at each step."""
    sequence, steps = list(ids), []
    for _ in range(GREEDY_TOKENS):
        steps.append(logits_of(model, sequence)[-1])
        sequence.append(int(steps[-1].argmax()))
    return sequence[len(ids):], tiny_models.margins_of(torch.stack(steps))


class Converter:
    """llama.cpp's convert_hf_to_gguf.py, from its folder, within this process."""

    def __init__(self, folder):
        folder = pathlib.Path(folder)
        sys.path.insert(0, str(folder))
        self._main = importlib.import_module("convert_hf_to_gguf").main
        base = importlib.import_module("conversion.base")
        # It knows pre-tokenizers by what they make of a text; ours splits as GPT-2's does.
        base.TextModel.get_vocab_base_pre = lambda self, tokenizer: "gpt-2"
        # Some families' classes look for a SentencePiece file, which ours does not need.
        phi, gemma = (importlib.import_module("conversion." + name) for name in ("phi", "gemma"))
        for family in (phi.Phi3MiniModel, gemma.GemmaModel, gemma.Gemma2Model):
            family.set_vocab = lambda self: self._set_vocab_gpt2()

    def run(self, folder, path, kind):
        """`kind`: f32, f16, bf16 or q8_0."""
        arguments = sys.argv
        sys.argv = ["convert_hf_to_gguf.py", str(folder), "--outfile", str(path), "--outtype", kind]
        try:
            with contextlib.redirect_stdout(sys.stderr):
                self._main()
        finally:
            sys.argv = arguments


def standard_folder(architecture, folder, scratch):
    """The same model as transformers itself would write it: `folder`, if that is how it is."""
    if architecture.tensors is None and architecture.spelling is None:
        return folder
    standard = dataclasses.replace(architecture, tensors=None, spelling=None)
    save(standard, build(standard), scratch / "standard", tokenizer())
    return scratch / "standard"


def write_gguf(architecture, standard, path, converter, kind, scratch):
    """Converts a standard folder, with the changes that the converter needs."""
    converter.run(with_config(standard, architecture.converter, scratch / "to_convert"), path, kind)
