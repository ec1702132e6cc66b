// How a model's tokenizer joins two texts into one input: "[CLS] A [SEP] B [SEP]" and the like.
// Private to the generator room.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "common/status.h"
#include "generator/tokenizer.h"

namespace footnote::generator {

struct PairTemplate {
  struct Piece {
    enum class Kind { kSpecial, kFirstText, kSecondText };
    Kind kind = Kind::kSpecial;
    TokenId id = 0;    // of a special token
    int32_t type = 0;  // token type of what stands here
  };
  std::vector<Piece> pieces;

  size_t special_tokens() const;
};

// model: a folder with a tokenizer.json, whose post-processor says it; or else a GGUF file, where
// it follows from what the tokenizer puts around one text: BERT's has one separator between texts,
// others (RoBERTa, XLM-R) two. Errors: UNIMPLEMENTED names a post-processor that joins no texts;
// DATA_LOSS for one that is damaged.
StatusOr<PairTemplate> ReadPairTemplate(const std::filesystem::path& model,
                                        const Tokenizer& tokenizer);

}  // namespace footnote::generator
