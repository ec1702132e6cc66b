"""Every kind of tokenizer that Footnote knows: the published pre-tokenizers over small trained vocabularies, and real
vocabularies from GGUF files with the pre-tokenizer that their name stands for."""

import io

import sentencepiece
import gguf_model
from tokenizers import (AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, processors,
                        trainers)

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}|"
          r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?[\p{L}\p{M}]+|\p{N}| ?[^\s\p{L}\p{M}\p{N}]+[\r\n]*|"
          r"\s*[\r\n]+|\s+(?!\S)|\s+")
UPPER, LOWER = r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]"
CONTRACTION = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
BEFORE = r"[^\r\n\p{L}\p{N}]?"
REST = r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
GPT4O = (BEFORE + UPPER + "*" + LOWER + "+" + CONTRACTION + "|" + BEFORE + UPPER + "+" + LOWER + "*" + CONTRACTION
         + r"|\p{N}{1,3}" + REST)
TEKKEN = BEFORE + UPPER + "*" + LOWER + "+|" + BEFORE + UPPER + "+" + LOWER + r"*|\p{N}" + REST
# Letters with case: every published range, from the first to the last character.
CASED = (
    "A-Za-z\u00b5\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u01ba\u01bc-\u01bf\u01c4-\u0293\u0295-\u02af\u0370-\u0373\u0376\u0377"
    "\u037b-\u037d\u037f\u0386\u0388-\u038a\u038c\u038e-\u03a1\u03a3-\u03f5\u03f7-\u0481\u048a-\u052f\u0531-\u0556"
    "\u10a0-\u10c5\u13a0-\u13f5\u13f8-\u13fd\u1c90-\u1cba\u1cbd-\u1cbf\u1d00-\u1d2b\u1d6b-\u1d77\u1d79-\u1d9a"
    "\u1e00-\u1f15\u1f18-\u1f1d\u1f20-\u1f45\u1f48-\u1f4d\u1f50-\u1f57\u1f59\u1f5b\u1f5d\u1f5f-\u1f7d\u1f80-\u1fb4"
    "\u1fb6-\u1fbc\u1fbe\u1fc2-\u1fc4\u1fc6-\u1fcc\u1fd0-\u1fd3\u1fd6-\u1fdb\u1fe0-\u1fec\u1ff2-\u1ff4\u1ff6-\u1ffc"
    "\u2102\u2107\u210a-\u2113\u2115\u2119-\u211d\u2124\u2126\u2128\u212a-\u212d\u212f-\u2134\u2139\u213c-\u213f"
    "\u2145-\u2149\u214e\u2183\u2184\u2c00-\u2c7b\u2c7e-\u2ce4\u2ceb-\u2cee\u2cf2\u2cf3\ua640-\ua66d\ua680-\ua69b"
    "\ua722-\ua76f\ua771-\ua787\ua78b-\ua78e\uab70-\uabbf\ufb00-\ufb06\ufb13-\ufb17\uff21-\uff3a\uff41-\uff5a"
    "\U00010400-\U0001044f\U000104b0-\U000104d3\U000104d8-\U000104fb\U00010c80-\U00010cb2\U00010cc0-\U00010cf2"
    "\U000118a0-\U000118df\U0001e900-\U0001e943")
HAN = "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+"
HAN_V3 = "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+"
DEEPSEEK_V3 = (r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+|"
               r" ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+").replace('\\"', '"')
DEEPSEEK_PUNCTUATION = "\\s?[!-/:-~\uff01-\uff0f\uff1a-\uff5e\u2018-\u201f\u3000-\u3002]+"

MARK = "\u2581"

# Sizes of trained vocabularies, and a file of SentencePiece's replacement rules instead of nmt_nfkc. token_kind_goldens.py
# sets smaller ones, for files that are kept.
BYTE_TOKENS, PIECES, WORD_PIECES, ALPHABET = 1500, 3000, 1500, 600
RULES = None


def split(pattern):
    return pre_tokenizers.Split(Regex(pattern), behavior="isolated")


def byte_level(words):
    return pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=words)


def digits():
    return pre_tokenizers.Digits(individual_digits=True)


# GGUF's name: (whether text is put into NFC, steps).
PRE_TOKENIZERS = {
    "gpt-2": (False, lambda: [byte_level(True)]),
    "mpt": (True, lambda: [byte_level(True)]),
    "smollm": (False, lambda: [digits(), byte_level(True)]),
    "command-r": (True, lambda: [digits(), byte_level(True)]),
    "llama-bpe": (False, lambda: [split(LLAMA3), byte_level(False)]),
    "qwen2": (True, lambda: [split(QWEN2), byte_level(False)]),
    "qwen35": (True, lambda: [split(QWEN35), byte_level(False)]),
    "falcon": (False, lambda: [pre_tokenizers.Punctuation("contiguous"), byte_level(True),
                               pre_tokenizers.Digits(individual_digits=False), split("[0-9][0-9][0-9]")]),
    "gpt-4o": (False, lambda: [split(GPT4O), byte_level(False)]),
    "tekken": (False, lambda: [split(TEKKEN), byte_level(False)]),
    "deepseek-coder": (False, lambda: [split("[\r\n]"), split(r"\s?\p{L}+"), split(r"\s?\p{P}+"), split(HAN), digits(),
                                       byte_level(False)]),
    "deepseek-llm": (False, lambda: [split("[\r\n]"), split(r"\s?[" + CASED + "]+"), split(DEEPSEEK_PUNCTUATION),
                                     split(r"\s+$"), split(HAN), digits(), byte_level(False)]),
    "deepseek-v3": (False, lambda: [split(r"\p{N}{1,3}"), split(HAN_V3), split(DEEPSEEK_V3), byte_level(False)]),
}
PRE_TOKENIZERS["starcoder"] = PRE_TOKENIZERS["refact"] = PRE_TOKENIZERS["smollm"]
PRE_TOKENIZERS["deepseek-r1-qwen"] = PRE_TOKENIZERS["qwen2"]


def with_pre_tokenizer(tokenizer, name):
    nfc, steps = PRE_TOKENIZERS[name]
    if nfc:
        tokenizer.normalizer = normalizers.NFC()
    steps = steps()
    tokenizer.pre_tokenizer = steps[0] if len(steps) == 1 else pre_tokenizers.Sequence(steps)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def gguf_tokenizer(path):
    """The tokenizer of a vocabulary in a GGUF file, as `tokenizers` would have it."""
    meta = gguf_model.metadata(path)
    pieces, kinds = meta["tokenizer.ggml.tokens"], meta["tokenizer.ggml.token_type"]
    model = meta["tokenizer.ggml.model"]
    name = meta.get("tokenizer.ggml.pre")
    if model == "gpt2":
        merges = [tuple(merge.split(" ")) for merge in meta["tokenizer.ggml.merges"]]
        tokenizer = with_pre_tokenizer(Tokenizer(models.BPE(
            {piece: i for i, piece in enumerate(pieces)}, merges,
            ignore_merges=name in ("llama-bpe", "tekken"))), name)
    elif model == "llama":
        tokenizer = score_tokenizer(meta)
    elif model == "bert":
        words = [p[1:] if p.startswith(MARK) else p if k == 3 else "##" + p for p, k in zip(pieces, kinds)]
        tokenizer = Tokenizer(models.WordPiece({p: i for i, p in enumerate(words)}, unk_token="[UNK]"))
        tokenizer.normalizer = normalizers.BertNormalizer()
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        pieces = words
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 102), ("[CLS]", 101))
    else:
        raise ValueError(f"{path}: no counterpart of {model}")
    tokens = [AddedToken(p, special=k in (2, 3), normalized=False) for p, k in zip(pieces, kinds) if k in (2, 3, 4)]
    tokenizer.add_special_tokens([t for t in tokens if t.special])
    tokenizer.add_tokens([t for t in tokens if not t.special])
    bos, eos = meta.get("tokenizer.ggml.bos_token_id"), meta.get("tokenizer.ggml.eos_token_id")
    if meta.get("tokenizer.ggml.add_bos_token", model == "llama" or name in ("llama-bpe", "tekken")) and model != "bert":
        tokenizer.post_processor = processors.TemplateProcessing(
            single=f"{pieces[bos]} $A" if ":" not in pieces[bos] else None, special_tokens=[(pieces[bos], bos)])
    return tokenizer


def score_tokenizer(meta):
    """SentencePiece's BPE as transformers converts it: every pair of tokens that makes a token is a merge, and the one with
    the better score goes first."""
    pieces, kinds, scores = (meta["tokenizer.ggml." + key] for key in ("tokens", "token_type", "scores"))
    vocabulary = {piece: i for i, piece in enumerate(pieces)}
    mergeable = {p: i for p, i in vocabulary.items() if kinds[i] in (1, 4)}
    merges = []
    for piece, i in mergeable.items():
        local = [(piece[:k], piece[k:], vocabulary[piece[:k]], vocabulary[piece[k:]]) for k in range(1, len(piece))
                 if piece[:k] in mergeable and piece[k:] in mergeable]
        local.sort(key=lambda row: (row[2], row[3]))
        merges += [(left, right, scores[i]) for left, right, _, _ in local]
    merges.sort(key=lambda row: row[2], reverse=True)
    tokenizer = Tokenizer(models.BPE(vocabulary, [(left, right) for left, right, _ in merges], unk_token="<unk>",
                                     fuse_unk=True, byte_fallback=True))
    prefix = meta.get("tokenizer.ggml.add_space_prefix", True)
    steps = ([normalizers.Prepend(MARK)] if prefix else []) + [normalizers.Replace(" ", MARK)]
    tokenizer.normalizer = normalizers.Sequence(steps)
    strip = [decoders.Strip(" ", 1, 0)] if prefix else []
    tokenizer.decoder = decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()] + strip)
    return tokenizer


def trained_bytes(name):
    def make(corpus):
        tokenizer = with_pre_tokenizer(Tokenizer(models.BPE()), name)
        tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
            vocab_size=BYTE_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
            special_tokens=["<s>", "</s>", "<|end|>"]))
        tokenizer.add_tokens([AddedToken("    ", normalized=False), AddedToken("\n\n\n", normalized=False)])
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
        return tokenizer
    return make


def bytes_of_sentencepiece(corpus, **options):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(line.replace("\0", "") for line in corpus), model_writer=model, minloglevel=2,
        hard_vocab_limit=False, character_coverage=0.98, **options)
    return model.getvalue()


def sentencepiece_model(data):
    from sentencepiece import sentencepiece_model_pb2
    proto = sentencepiece_model_pb2.ModelProto()
    proto.ParseFromString(data)
    return proto


def llama_model(corpus):
    return bytes_of_sentencepiece(
        corpus, model_type="bpe", vocab_size=PIECES, byte_fallback=True, normalization_rule_name="identity",
        remove_extra_whitespaces=False, user_defined_symbols=["\n\n", "<user>"], split_digits=True)


def sentencepiece_bpe(legacy):
    """Llama 2's way (legacy) and the newer one."""
    def make(corpus):
        proto = sentencepiece_model(llama_model(corpus))
        meta = {"tokenizer.ggml.tokens": [p.piece for p in proto.pieces],
                "tokenizer.ggml.token_type": [p.type for p in proto.pieces],
                "tokenizer.ggml.scores": [p.score for p in proto.pieces]}
        tokenizer = score_tokenizer(meta)
        if not legacy:
            tokenizer.normalizer = None
            tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(MARK, prepend_scheme="first", split=False)
        tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>")])
        tokenizer.add_tokens([AddedToken("\n\n", normalized=False), AddedToken("<user>", normalized=True)])
        tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
        return tokenizer
    return make


def gemma(corpus):
    tokenizer = sentencepiece_bpe(True)(corpus)
    tokenizer.normalizer = normalizers.Replace(" ", MARK)
    tokenizer.pre_tokenizer = pre_tokenizers.Split(" ", "merged_with_previous")
    tokenizer.decoder = decoders.Sequence([decoders.Replace(MARK, " "), decoders.ByteFallback(), decoders.Fuse()])
    return tokenizer


def unigram_model(corpus, byte_fallback=False):
    return bytes_of_sentencepiece(
        corpus, model_type="unigram", vocab_size=PIECES, bos_id=0, eos_id=2, unk_id=3, pad_id=1,
        byte_fallback=byte_fallback,
        **({"normalization_rule_tsv": RULES} if RULES else {"normalization_rule_name": "nmt_nfkc"}))


def unigram_tokenizer(data, style):
    """A unigram model as XLM-R's was converted, or as later ones are (T5, bge-m3)."""
    proto = sentencepiece_model(data)
    tokenizer = Tokenizer(models.Unigram([(p.piece, p.score) for p in proto.pieces], 3, style == "bytes"))
    tables = normalizers.Precompiled(proto.normalizer_spec.precompiled_charsmap)
    if style == "xlm-r":
        tokenizer.normalizer = tables
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace(MARK, prepend_scheme="always")])
    else:
        tokenizer.normalizer = normalizers.Sequence(
            [tables, normalizers.Strip(left=False, right=True), normalizers.Replace(Regex(" {2,}"), MARK)])
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(MARK, prepend_scheme="always")
    tokenizer.decoder = (decoders.Sequence([decoders.ByteFallback(), decoders.Metaspace(MARK, prepend_scheme="always")])
                         if style == "bytes" else decoders.Metaspace(MARK, prepend_scheme="always"))
    tokenizer.add_special_tokens([AddedToken(t, special=True, normalized=False) for t in ("<s>", "<pad>", "</s>", "<unk>")]
                                 + [AddedToken("<mask>", special=True, lstrip=True, normalized=False)])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    return tokenizer


def unigram(style):
    return lambda corpus: unigram_tokenizer(unigram_model(corpus, style == "bytes"), style)


def word_piece(lowercase, accents):
    def make(corpus):
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]", max_input_chars_per_word=100))
        tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lowercase, strip_accents=accents)
        tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
        tokenizer.decoder = decoders.WordPiece()
        tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(
            vocab_size=WORD_PIECES, limit_alphabet=ALPHABET, special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"], show_progress=False))
        tokenizer.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
        return tokenizer
    return make


def steps(normalizer, pre_tokenizer):
    """WordPiece behind steps that no published model of ours joins, so that each step is compared by itself."""
    def make(corpus):
        tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
        if normalizer:
            tokenizer.normalizer = normalizer()
        tokenizer.pre_tokenizer = pre_tokenizer()
        tokenizer.decoder = decoders.WordPiece(cleanup=False)
        tokenizer.train_from_iterator(corpus, trainers.WordPieceTrainer(
            vocab_size=WORD_PIECES, limit_alphabet=ALPHABET, special_tokens=["[UNK]"], show_progress=False))
        tokenizer.add_tokens([AddedToken("<Word>", single_word=True, normalized=True),
                              AddedToken("<strip>", lstrip=True, rstrip=True, normalized=False)])
        return tokenizer
    return make


def roberta(corpus):
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(corpus, trainers.BpeTrainer(
        vocab_size=BYTE_TOKENS, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False,
        special_tokens=["<s>", "<pad>", "</s>", "<unk>", "<mask>"]))
    tokenizer.post_processor = processors.RobertaProcessing(("</s>", 2), ("<s>", 0))
    return tokenizer


KINDS = {name: trained_bytes(name) for name in PRE_TOKENIZERS}
KINDS |= {
    "roberta": roberta,
    "llama-spm-legacy": sentencepiece_bpe(True),
    "llama-spm-first": sentencepiece_bpe(False),
    "gemma-spm": gemma,
    "unigram-xlm-r": unigram("xlm-r"),
    "unigram-t5": unigram("t5"),
    "unigram-bytes": unigram("bytes"),
    "wordpiece-lower": word_piece(True, None),
    "wordpiece-cased": word_piece(False, None),
    "wordpiece-accents": word_piece(True, False),
    "step-nfd-accents": steps(
        lambda: normalizers.Sequence([normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase()]),
        pre_tokenizers.Whitespace),
    "step-nfkd-digits": steps(
        normalizers.NFKD, lambda: pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Digits(False)])),
    "step-nfkc-punctuation": steps(
        normalizers.NFKC, lambda: pre_tokenizers.Sequence(
            [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Punctuation("isolated")])),
    "step-punctuation-previous": steps(normalizers.Strip, lambda: pre_tokenizers.Punctuation("merged_with_previous")),
    "step-punctuation-next": steps(None, lambda: pre_tokenizers.Punctuation("merged_with_next")),
    "step-punctuation-removed": steps(
        lambda: normalizers.Replace(Regex(r"\s+"), " "), lambda: pre_tokenizers.Punctuation("removed")),
}
