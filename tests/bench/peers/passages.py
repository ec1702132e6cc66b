"""Texts to measure with: chunks of manual pages, and prompts of passages with a question."""

import csv
import gzip
import json
import pathlib
import random
import re

from processes import NotMeasured

# Lengths in MiniLM's tokens, [CLS] and [SEP] included: drawn from a triangular distribution with its top at the longest, mean
# 180. That is how `footnote index` cuts manual pages: it fills chunks, and sections end where they end.
SHORTEST_TOKENS = 32
LONGEST_TOKENS = 254
SEED = 5


def roff_text(source):
    """A manual page's words without its macros: enough for texts of a natural kind, not for reading."""
    lines = []
    for line in source.splitlines():
        if line.startswith((".\\\"", "'\\\"", ".TH", ".UC", ".nf", ".fi", ".sp", ".if", ".ie", ".el", ".de", "..")):
            continue
        line = re.sub(r"^[.'][A-Za-z]{1,2}\s*", "", line)
        line = re.sub(r"\\f(\(..|\[[^]]*\]|.)|\\s[-+]?\d", "", line)
        line = re.sub(r"\\\(..|\\\[[^]]*\]|\\[&|^/,]", "", line).replace("\\-", "-").replace("\\e", "\\").replace('"', "")
        if line.strip():
            lines.append(line.strip())
    return " ".join(lines)


def man_pages(cache):
    """(where from, texts): the quickstart's manual pages, or else this machine's own."""
    sample = pathlib.Path(cache) / "corpora" / "technical" / "part" / "man"
    for folder in (sample, pathlib.Path("/usr/share/man")):
        paths = sorted(path for path in folder.glob("man[1-8]/*") if path.is_file())
        random.Random(SEED).shuffle(paths)
        texts = []
        for path in paths[:400]:
            raw = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
            text = roff_text(raw.decode("utf-8", errors="replace"))
            if len(text) >= 1000:
                texts.append(text)
        if texts:
            return str(folder), texts
    return "", []


def read_jsonl(path):
    with open(path, encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.strip()]


def sources(cache, eval_folder):
    """(where from, texts to cut)"""
    where, texts = man_pages(cache)
    if not texts and eval_folder is not None:
        where, texts = str(eval_folder), [row["text"] for row in read_jsonl(eval_folder / "corpus.jsonl")]
    if not texts:
        raise NotMeasured("there are no manual pages here: run tools/fetch_corpora.sh technical, or give --eval DIR")
    return where, texts


def chunks(cache, eval_folder, tokenizer_file, count):
    """(description, texts): `count` chunks of mixed lengths, cut between words, the same every time for the same sources."""
    import tokenizers
    tokenizer = tokenizers.Tokenizer.from_file(str(tokenizer_file))
    tokenizer.no_truncation()
    tokenizer.no_padding()
    where, texts = sources(cache, eval_folder)
    draw = random.Random(SEED)
    cut, lengths = [], []
    for text in texts:
        encoded = tokenizer.encode(text, add_special_tokens=False)
        begin = 0
        while len(cut) < count:
            end = begin + int(draw.triangular(SHORTEST_TOKENS, LONGEST_TOKENS, LONGEST_TOKENS)) - 2
            if end >= len(encoded.ids):
                break
            while end > begin and encoded.word_ids[end] == encoded.word_ids[end - 1]:
                end -= 1
            if end == begin:
                break  # one word longer than a chunk
            cut.append(text[encoded.offsets[begin][0]:encoded.offsets[end - 1][1]])
            lengths.append(end - begin + 2)
            begin = end
        if len(cut) == count:
            break
    if len(cut) < count:
        raise NotMeasured(f"the texts of {where} make {len(cut)} chunks only, {count} are needed")
    lengths.sort()
    return (f"{count} chunks of {where}: {sum(lengths) / count:.0f} tokens on average, "
            f"{lengths[0]}–{lengths[-1]}, half of them up to {lengths[count // 2]}"), cut


def questions_with_passages(eval_folder, count, passages_each=4, words_each=150):
    """[(passages, question)]: the passage that answers the question among others, each at most `words_each` long."""
    needed = [eval_folder / name for name in ("corpus.jsonl", "queries.jsonl", "qrels.tsv")]
    missing = [path.name for path in needed if not path.exists()]
    if missing:
        raise NotMeasured(f"{eval_folder} has no {', '.join(missing)}")
    documents = {row["_id"]: row["text"] for row in read_jsonl(needed[0])}
    queries = {row["_id"]: row["text"] for row in read_jsonl(needed[1])}
    with open(needed[2], encoding="utf-8", newline="") as rows:
        relevant = [(row[0], row[1]) for row in csv.reader(rows, delimiter="\t")
                    if len(row) == 3 and row[2] not in ("score", "0") and row[0] in queries and row[1] in documents]
    if len({query for query, _ in relevant}) < count:
        raise NotMeasured(f"{eval_folder} names a relevant passage for fewer than {count} questions")
    draw = random.Random(SEED)
    draw.shuffle(relevant)
    all_ids = sorted(documents)
    asked, chosen = set(), []
    for query, document in relevant:
        if query in asked or len(chosen) == count:
            continue
        asked.add(query)
        passages = [document, *draw.sample([i for i in all_ids if i != document], min(passages_each, len(all_ids)) - 1)]
        draw.shuffle(passages)
        chosen.append(([" ".join(documents[i].split()[:words_each]) for i in passages], queries[query]))
    return chosen


def prompt(texts, question):
    """One user message: passages, then the question."""
    numbered = "\n\n".join(f"[{number}] {text}" for number, text in enumerate(texts, 1))
    return f"Answer from the passages, in their words.\n\n{numbered}\n\nQuestion: {question}"
