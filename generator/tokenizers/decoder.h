// Decoders: tokens to text, in the steps of a tokenizer.json.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "common/status.h"

namespace footnote::generator {

class Decoder {
 public:
  struct Step {
    enum class Kind {
      kReplace,       // `from` by `to`
      kByteFallback,  // <0xC3> is a byte
      kFuse,          // what comes behind sees one text
      kStrip,         // up to `start` times `from` at the beginning and `stop` times at the end
      kByteLevel,     // letters are bytes
      kMetaspace,     // `from` is a space, or nothing in the first token when `flag`
      kWordPiece,     // words have spaces between them, tokens with `from` none; `flag`: clean up
    };
    Kind kind;
    std::string from = {};
    std::string to = {};
    size_t start = 0;
    size_t stop = 0;
    bool flag = false;
  };

  Decoder() = default;  // tokens as they are, one after another
  explicit Decoder(std::vector<Step> steps) : steps_(std::move(steps)) {}

  // A tokenizer.json's `decoder`. Errors: UNIMPLEMENTED names the step that is not supported.
  static StatusOr<Decoder> FromJson(const nlohmann::json& json);

  // Text of one token among others, so that the texts of a stream's tokens can be joined: what is
  // done at the beginning or the end of the whole (a space taken away) is not done, and a byte is a
  // byte. `first`: it is the first token.
  std::string TextOf(std::string_view token, bool first) const;

  // Text of a whole sequence of tokens, as Hugging Face `tokenizers` decodes it: always valid
  // UTF-8, with U+FFFD for bytes that make no character.
  std::string Join(std::vector<std::string> tokens) const;

  bool empty() const { return steps_.empty(); }
  // Whether tokens are bytes spelled in letters.
  bool from_letters() const;
  // Whether the first token differs from the others.
  bool first_differs() const;

 private:
  std::vector<Step> steps_;
};

}  // namespace footnote::generator
