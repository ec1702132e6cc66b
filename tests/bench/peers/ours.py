"""`footnote`: what it is called with and what its output means. Nothing else here knows either."""

import json
import pathlib
import shlex
import sys
import time

import processes
from processes import NotMeasured
from rounds import Contender

ROOT = pathlib.Path(__file__).resolve().parents[3]
sys.path.append(str(ROOT / "tools" / "acceptance"))

import probe_client  # noqa: E402  (needs the path above)

# Field of `footnote bench … --json` -> figure.
FIELDS = {
    "prefill_tokens_per_second": "prefill",
    "decode_tokens_per_second": "decode",
    "chunks_per_second": "chunks",
    "time_to_first_token_cold_ms": "cold",
    "time_to_first_token_cached_ms": "cached",
    "answer_tokens_per_second_plain": "plain",
    "answer_tokens_per_second_speculating": "speculating",
    "accepted_tokens": "accepted",
    "guessed_tokens": "guessed",
}


class Footnote:
    def __init__(self, binary, threads):
        self._binary = str(binary)
        self._threads = threads

    def version(self):
        return processes.run([self._binary, "--version"], timeout_s=60).output.strip()

    def _bench(self, command):
        done = processes.run(command)
        try:
            fields = json.loads(done.output)
        except json.JSONDecodeError as error:
            raise NotMeasured(f"`{shlex.join(command)}` printed no JSON: {done.output[-200:]!r}") from error
        return {"peak_bytes": done.peak_bytes,
                **{figure: fields[field] for field, figure in FIELDS.items() if field in fields}}

    def _contender(self, kind, arguments, name="footnote"):
        # One repetition a round: the rounds are the repetitions.
        command = [self._binary, "bench", kind, *map(str, arguments), "--threads", str(self._threads),
                   "--repetitions", "1", "--json"]
        return Contender(name, lambda: self._bench(command), ours=True, command=shlex.join(command))

    def generator(self, model, measures, prompt_tokens=512, new_tokens=64, depth=0, sequences=1):
        """Figures `prefill` (of prompt_tokens) and `decode` (all sequences together, after `depth` tokens), tokens/s."""
        return self._contender("generator", [model, "--measure", ",".join(measures), "--prompt-tokens", prompt_tokens,
                                             "--new-tokens", new_tokens, "--depth", depth, "--sequences", sequences])

    def second_question(self, model, prompt_tokens):
        """Figures `cold` and `cached`: milliseconds to the first token of a prompt, and of one with the same beginning."""
        return self._contender("generator", [model, "--measure", "first-token", "--prompt-tokens", prompt_tokens])

    def prompt_lookup(self, model, prompt_files, new_tokens):
        """Figures `plain` and `speculating`: tokens/s of answers to the same prompts. The command itself takes turns, and
        fails when the two answers differ."""
        files = [part for path in prompt_files for part in ("--prompt-file", path)]
        return self._contender("generator", [model, "--measure", "prefill", "--prompt-tokens", 1, "--speculation",
                                             "--new-tokens", new_tokens, *files])

    def embedder(self, model, texts_file, precision):
        """Figure `chunks`: chunks/s, tokenising included."""
        return self._contender("embedder", [model, "--texts", texts_file, "--precision", precision],
                               f"footnote {precision}")

    def ready(self, model, packed_folder):
        """Figures `loaded` and `ready`: seconds from the start of a process until it answers, and until it has generated a
        token from one token, for which every weight must be there and not merely be mapped. Packed weights are kept in
        packed_folder."""
        environment = {"FOOTNOTE_PACKED_CACHE": str(packed_folder)}

        def measure():
            start = time.monotonic()
            try:
                with probe_client.Probe(self._binary, model, extra=("--threads", str(self._threads)),
                                        environment=environment) as probe:
                    ids = probe.tokenize("a")
                    loaded = time.monotonic() - start
                    probe.generate(ids[:1], 1)
                    return {"loaded": loaded, "ready": time.monotonic() - start}
            except probe_client.ProbeError as error:
                raise NotMeasured(str(error)) from error
        return Contender("footnote", measure, ours=True, warm_up=measure,
                         command=f"FOOTNOTE_PACKED_CACHE={packed_folder} {self._binary} model probe {model} --threads "
                                 f"{self._threads}; tokenize, then generate one token")

    def vectors(self, model, texts, precision, at_once=64):
        """The texts' vectors, a list of arrays of float32."""
        rows = []
        try:
            with probe_client.Probe(self._binary, model, precision, ("--threads", str(self._threads))) as probe:
                for begin in range(0, len(texts), at_once):
                    shape, values = probe_client.floats(probe.ask("embed_text", texts=texts[begin:begin + at_once]))
                    rows += [values[i * shape[1]:(i + 1) * shape[1]] for i in range(shape[0])]
        except probe_client.ProbeError as error:
            raise NotMeasured(str(error)) from error
        return rows
