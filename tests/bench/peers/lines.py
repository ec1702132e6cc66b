"""The lines of the table: what is measured, against what, and what is asked of it."""

import contextlib
import dataclasses
import json
import random
import sys
from collections.abc import Callable

import embedders
import ours
import passages
import processes
from processes import NotMeasured
from rounds import Contender

PROMPT_TOKENS = 512
SEQUENCES = 8
QUESTION_PROMPT_TOKENS = 1536  # four passages and a question
QUESTION_TOKENS = 16           # at their end, where `footnote bench` has the second prompt differ
LOOKUP_PROMPTS = 8
CHUNKS = 256
SEVEN_B_FORMATS = ("Q4_K_M", "Q4_0", "Q8_0")


@dataclasses.dataclass
class Line:
    name: str
    what: str
    figure: str              # of ours, and of the peers unless `against`
    must: float
    aim: float
    unit: str = "tok/s"
    contender: str = "footnote"
    against: tuple = ()      # (contender, figure) of ours: compared with itself, not with peers
    digits: int = 3          # significant ones to show
    limit: str = ""          # "at most" or "at least": our own value is compared with must, no ratio


@dataclasses.dataclass
class Group:
    """Lines that are measured together, by the same runs."""
    lines: list
    # A context manager that gives (contenders, remarks); what it needs is made when it is entered.
    open: Callable
    repetitions: int = 0  # 0: as asked


@dataclasses.dataclass
class Context:
    footnote: ours.Footnote
    llama: object
    cache: object          # $FOOTNOTE_CACHE
    threads: int
    layers: int
    eval_folder: object    # or None
    scratch: object        # a folder for the texts that are measured with, kept so that commands can be run again
    say: Callable

    @property
    def smollm2(self):
        return self._existing("models/smollm2-135m-instruct/SmolLM2-135M-Instruct.Q4_1.gguf")

    @property
    def gemma3(self):
        return self._existing("models/gemma3-270m/gemma-3-270m-q4_k_m.gguf")

    @property
    def minilm(self):
        return self._existing("models/all-minilm-l6-v2")

    def _existing(self, name):
        path = self.cache / name
        if not path.exists():
            raise NotMeasured(f"{path} is missing: run tools/fetch_models.sh (--list tells the names)")
        return path

    def seven_b(self, format_name):
        """A model of the 7B shape with random weights, made when first asked for."""
        path = self.cache / "peers" / f"llama-7b-{format_name}-{self.layers}-layers.gguf"
        if not path.exists():
            self.say(f"making {path.name} (up to 7 GB, once)")
            path.parent.mkdir(parents=True, exist_ok=True)
            processes.run([sys.executable, ours.ROOT / "tools" / "random_gguf.py", "--format", format_name, "--layers",
                           self.layers, "--out", path])
        return path

    def texts(self):
        """(remark, texts, file with one JSON string a line)"""
        remark, texts = passages.chunks(self.cache, self.eval_folder, self.minilm / "tokenizer.json", CHUNKS)
        path = self.scratch / "texts.jsonl"
        path.write_text("".join(json.dumps(text) + "\n" for text in texts), encoding="utf-8")
        return remark, texts, path


@contextlib.contextmanager
def smollm2_prefill(context):
    model = context.smollm2
    yield [context.footnote.generator(model, ["prefill"], PROMPT_TOKENS),
           *context.llama.benches(model, ["-p", PROMPT_TOKENS, "-n", 0])], []


@contextlib.contextmanager
def smollm2_decode(context):
    model = context.smollm2
    yield [context.footnote.generator(model, ["decode"], new_tokens=64, depth=PROMPT_TOKENS),
           *context.llama.benches(model, ["-p", 0, "-n", 64, "-d", PROMPT_TOKENS])], []


@contextlib.contextmanager
def gemma3(context):
    model = context.gemma3
    yield [context.footnote.generator(model, ["prefill", "decode"], PROMPT_TOKENS, 64),
           *context.llama.benches(model, ["-p", PROMPT_TOKENS, "-n", 64])], []


def seven_b(format_name):
    @contextlib.contextmanager
    def opened(context):
        model = context.seven_b(format_name)
        yield ([context.footnote.generator(model, ["prefill", "decode"], PROMPT_TOKENS, 32),
                *context.llama.benches(model, ["-p", PROMPT_TOKENS, "-n", 32])],
               [f"7B-shaped {format_name}: {context.layers} layers, {model.stat().st_size / 1e9:.2f} GB; decoding from an "
                "empty context"])
    return opened


@contextlib.contextmanager
def eight_sequences(context):
    model = context.smollm2
    depth, new_tokens = 128, 64
    yield ([context.footnote.generator(model, ["decode"], new_tokens=new_tokens, depth=depth, sequences=SEQUENCES),
            *context.llama.batched(model, SEQUENCES, depth, new_tokens)],
           [f"{SEQUENCES} sequences: {new_tokens} tokens each after prompts of {depth}"])


@contextlib.contextmanager
def second_question(context):
    model = context.smollm2
    draw = random.Random(passages.SEED)
    first = [draw.randrange(1000, 40000) for _ in range(QUESTION_PROMPT_TOKENS)]
    second = first[:-QUESTION_TOKENS] + [draw.randrange(1000, 40000) for _ in range(QUESTION_TOKENS)]
    yield ([context.footnote.second_question(model, QUESTION_PROMPT_TOKENS),
            context.llama.second_question(model, first, second)],
           [f"second question: prompts of {QUESTION_PROMPT_TOKENS} tokens, alike but for the last {QUESTION_TOKENS}"])


@contextlib.contextmanager
def prompt_lookup(context):
    if context.eval_folder is None:
        raise NotMeasured("no passages: give --eval DIR (corpus.jsonl, queries.jsonl, qrels.tsv)")
    files = []
    for number, asked in enumerate(passages.questions_with_passages(context.eval_folder, LOOKUP_PROMPTS)):
        files.append(context.scratch / f"prompt-{number}.txt")
        files[-1].write_text(passages.prompt(*asked), encoding="utf-8")
    yield ([context.footnote.prompt_lookup(context.smollm2, files, 128)],
           [f"prompt lookup: {len(files)} questions of {context.eval_folder}, four passages each, answers of up to 128 tokens"])


def broken(name, error):
    """A peer that did not even start: told like one that fails in its first round."""
    def measure():
        raise error
    return Contender(name, measure)


@contextlib.contextmanager
def minilm(context):
    remark, _, texts_file = context.texts()
    model = context.minilm
    contenders = [context.footnote.embedder(model, texts_file, precision) for precision in ("int8", "exact")]
    remarks = [f"MiniLM: {remark}; tokenising included, for all"]
    with contextlib.ExitStack() as stack:
        for peer in ("onnx", "sentence-transformers"):
            try:
                graphs = embedders.graphs(model, context.cache / "peers" / "minilm-onnx") if peer == "onnx" else None
                worker = stack.enter_context(embedders.Worker(peer, model, texts_file, context.threads, graphs))
                contenders += worker.contenders(CHUNKS)
            except NotMeasured as error:
                contenders.append(broken(peer, error))
        yield contenders, remarks


@contextlib.contextmanager
def cosine(context):
    import numpy
    _, texts, texts_file = context.texts()
    saved = context.scratch / "vectors.npy"
    with embedders.Worker("sentence-transformers", context.minilm, texts_file, context.threads, None) as worker:
        worker.ask(vectors=str(saved))
    want = numpy.load(saved)

    def measure(precision):
        have = numpy.array(context.footnote.vectors(context.minilm, texts, precision), dtype=numpy.float32)
        if have.shape != want.shape:
            raise NotMeasured(f"vectors of shape {have.shape}, sentence-transformers has {want.shape}")
        cosines = (have * want).sum(axis=1) / numpy.linalg.norm(have, axis=1) / numpy.linalg.norm(want, axis=1)
        return {"cosine": float(cosines.min())}
    yield [Contender(f"footnote {precision}", lambda precision=precision: measure(precision), ours=True,
                     command=f"footnote model probe --precision {precision}; embed_text, against sentence-transformers")
           for precision in ("int8", "exact")], ["cosine: the smallest over the same chunks"]


@contextlib.contextmanager
def ready(context):
    model = context.seven_b("Q4_K_M")
    yield ([context.footnote.ready(model, context.cache / "peers" / "packed"), *context.llama.ready(model)],
           [f"ready: {model.name}, {model.stat().st_size / 1e9:.2f} GB, after a first start that is not counted"])


LOWER_IS_BETTER = {"ready", "loaded", "cold", "cached", "peak_bytes"}

GROUPS = [
    Group([Line("prefill-smollm2", "SmolLM2-135M Q4_1: prefill 512", "prefill", 4, 8)], smollm2_prefill),
    Group([Line("decode-smollm2", "SmolLM2-135M Q4_1: decode at context 512", "decode", 2, 3)], smollm2_decode),
    Group([Line("prefill-gemma3", "Gemma-3-270M Q4_K_M: prefill 512", "prefill", 3, 6),
           Line("decode-gemma3", "Gemma-3-270M Q4_K_M: decode", "decode", 1.5, 2.5)], gemma3),
    *(Group([Line(f"prefill-7b-{name.lower()}", f"7B shape {name}: prefill 512", "prefill", 1.5, 3),
             Line(f"decode-7b-{name.lower()}", f"7B shape {name}: decode", "decode", 1.2, 1.6)], seven_b(name))
      for name in SEVEN_B_FORMATS),
    Group([Line("batch-smollm2", "SmolLM2-135M Q4_1: 8 sequences decoding, together", "decode", 2.5, 5)],
          eight_sequences),
    Group([Line("second-question", "second question, same passages: time to first token", "cached", 5, 20, unit="ms",
                against=("footnote", "cold"))], second_question),
    Group([Line("prompt-lookup", "prompt lookup on answers from passages", "speculating", 1.3, 2,
                against=("footnote", "plain"))], prompt_lookup),
    Group([Line("minilm-int8", "MiniLM, mixed lengths, int8, against float32", "chunks", 2, 4, unit="chunks/s",
                contender="footnote int8"),
           Line("minilm-float32", "MiniLM, mixed lengths, float32", "chunks", 1, 1, unit="chunks/s",
                contender="footnote exact")], minilm),
    Group([Line("cosine-int8", "MiniLM int8: smallest cosine to sentence-transformers", "cosine", 0.999, 0.9999, unit="",
                contender="footnote int8", limit="at least", digits=8),
           Line("cosine-float32", "MiniLM float32: smallest cosine to sentence-transformers", "cosine", 0.9999, 0.99999,
                unit="", contender="footnote exact", limit="at least", digits=8)], cosine, repetitions=1),
    Group([Line("ready", "model ready, second start", "ready", 2, 1, unit="s", limit="at most")], ready),
]
