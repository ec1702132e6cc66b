// Tokenizers: text to ids and back, the same as Hugging Face `tokenizers` gives, id for id.
//
// Loaded from a GGUF's vocabulary or a Hugging Face `tokenizer.json`. Threads: every method is
// const and may run concurrently.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"

namespace footnote::generator {

using TokenId = int32_t;

struct TokenizeOptions {
  bool add_special = true;     // add what the model expects around a text: BOS, or [CLS] … [SEP]
  bool parse_special = false;  // read control tokens written in the text as such. Never for
                               // content: documents and questions are data
  // With parse_special: bytes [first, second) of the text, in order, that are content all the same.
  // No control token is read that has a byte there.
  std::span<const std::pair<size_t, size_t>> content = {};
};

class Tokenizer {
 public:
  virtual ~Tokenizer() = default;

  // A `.gguf` file (weights or vocabulary only), a `tokenizer.json`, a SentencePiece
  // `tokenizer.model`, or a folder that holds one: the first of these in the order
  // tokenizer.json, .gguf, tokenizer.model.
  // Errors: NOT_FOUND, DATA_LOSS (damaged), UNIMPLEMENTED (names the tokenizer or pre-tokenizer
  // that is not supported).
  static StatusOr<std::unique_ptr<Tokenizer>> Load(const std::filesystem::path& path);

  // "gpt2/smollm", "bert": family and pre-tokenizer.
  virtual const std::string& name() const = 0;
  virtual int32_t vocabulary_size() const = 0;

  // Ids of `text`; invalid UTF-8 is read as U+FFFD.
  virtual std::vector<TokenId> Encode(std::string_view text,
                                      const TokenizeOptions& options) const = 0;

  // Text of `ids`. Bytes of a character that is cut at either end come out as they are, so that
  // pieces of a stream can be joined (so the space that SentencePiece puts before a text comes out
  // too). skip_special: control tokens give nothing instead of their
  // name. Ids out of range give nothing.
  virtual std::string Decode(std::span<const TokenId> ids, bool skip_special) const = 0;

  // Text of a whole sequence as Hugging Face `tokenizers` decodes it: without the space that
  // SentencePiece puts before a text, and with U+FFFD for bytes that make no character.
  virtual std::string DecodeWhole(std::span<const TokenId> ids, bool skip_special) const = 0;

  // Id of the token whose text is exactly `piece` ("<|im_end|>"), control tokens included.
  virtual std::optional<TokenId> Find(std::string_view piece) const = 0;

  virtual std::optional<TokenId> bos() const = 0;
  // Tokens that end a generation: EOS and what else the file names (end of turn).
  virtual std::span<const TokenId> end_of_generation() const = 0;
  virtual bool IsControl(TokenId id) const = 0;
};

}  // namespace footnote::generator
