#!/usr/bin/env python3
"""What jinja2 makes of chat templates in Hugging Face's environment, for tests/generator/jinja_render_test.cc.

usage: template_goldens.py goldens
           the templates of template_cases.py, into tests/data/goldens/templates.jsonl
       template_goldens.py real OUT.jsonl PATH…
           real templates: .jinja files, GGUF files with a template, folders of either, each over many conversations
       template_goldens.py random OUT.jsonl SEED COUNT
           made-up expressions and templates (template_fuzz.py)

The last two are run by FOOTNOTE_TEMPLATE_CASES=OUT.jsonl build/…/generator_jinja_render_test. A line holds `template`,
`context` and `text`, or `text` null and `error` where jinja2 raises; with `may_refuse` a refusal by name counts as such.
"""

import datetime
import json
import pathlib
import sys

import transformers.utils.chat_template_utils as chat_templates

import template_cases
import template_fuzz

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPECIAL_TOKENS = {"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "pad_token": "<pad>"}


class FixedTime(datetime.datetime):
    @classmethod
    def now(cls, tz=None):
        return cls(2024, 1, 2, 3, 4, 5)


chat_templates.datetime = FixedTime


def render(template, context):
    """The text and None, or None and the error."""
    try:
        return chat_templates._compile_jinja_template(template).render(**context), None
    except Exception as error:  # whatever a template can raise
        return None, f"{type(error).__name__}: {error}"


def row(name, template, context, may_refuse=False):
    text, error = render(template, context)
    out = {"name": name, "template": template, "context": context, "text": text}
    if error is not None:
        out["error"] = error
    if may_refuse:
        out["may_refuse"] = True
    return out


def write(path, rows):
    with open(path, "w", encoding="ascii") as file:
        for each in rows:
            try:
                line = json.dumps(each, ensure_ascii=True, separators=(",", ":"))
                line.encode("ascii").decode("ascii")
                (each["text"] or "").encode("utf-8")  # lone surrogates are no text
            except (UnicodeEncodeError, TypeError):
                continue
            file.write(line + "\n")
    print(f"{path}: {len(rows)} cases, {sum(r['text'] is None for r in rows)} raise in jinja2")


def real_templates(paths):
    import gguf
    for path in map(pathlib.Path, paths):
        if path.is_dir():
            yield from real_templates(sorted(p for p in path.iterdir() if p.suffix in (".jinja", ".gguf", ".json")))
        elif path.suffix == ".jinja":
            yield path.name, path.read_text(encoding="utf-8")
        elif path.name == "tokenizer_config.json":
            template = json.loads(path.read_text(encoding="utf-8")).get("chat_template")
            if isinstance(template, str):
                yield f"{path.parent.name}/{path.name}", template
        elif path.suffix == ".gguf":
            try:
                field = gguf.GGUFReader(path).fields.get("tokenizer.chat_template")
            except ValueError as error:  # a file that is cut short still has its keys, but not for gguf-py
                print(f"{path.name}: {error}")
                continue
            if field is not None:
                yield path.name, bytes(field.parts[field.data[0]]).decode("utf-8")


def main():
    mode = sys.argv[1]
    if mode == "goldens":
        import golden_io
        rows = [row(name, template, context) for name, template, context in template_cases.cases()]
        write(golden_io.GOLDENS / "templates.jsonl", rows)
        golden_io.record_versions(["templates.jsonl"], ["jinja2", "transformers"])
    elif mode == "real":
        rows = []
        for name, template in real_templates(sys.argv[3:]):
            for number, (messages, extra) in enumerate(template_cases.conversations()):
                for prompt in (False, True):
                    context = {"messages": messages, "tools": None, "documents": None,
                               "add_generation_prompt": prompt, **SPECIAL_TOKENS, **extra}
                    rows.append(row(f"{name} {number} {prompt}", template, context, may_refuse=True))
        write(sys.argv[2], rows)
    elif mode == "random":
        rows = [row(f"random {number}", template, context)
                for number, (template, context) in enumerate(
                    template_fuzz.cases(int(sys.argv[3]), int(sys.argv[4])))]
        write(sys.argv[2], rows)
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main()
