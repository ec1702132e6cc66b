// SentencePiece's way with spaces, in the steps of a tokenizer.json.
#pragma once

#include <optional>

#include "generator/tokenizers/vocabulary.h"

namespace footnote::generator {

// Types of tokens; SentencePiece and GGUF number them alike.
enum TokenType : int64_t {
  kNormalType = 1,
  kUnknownType = 2,
  kControlType = 3,
  kUserDefinedType = 4,
  kUnusedType = 5,
  kByteType = 6,
};

struct SentencePieceOptions {
  std::optional<CharacterMap> character_map;
  bool remove_extra_spaces = false;  // one space of several, none at the end
  bool add_space_prefix = true;      // a mark before a text
  bool legacy = true;                // … and before what follows an added token
  bool split_at_marks = false;       // words are cut at marks before the model sees them
};

// Sets normaliser, pre-tokenizer and decoder.
void UseSentencePiece(SentencePieceOptions options, Vocabulary& vocabulary);

// Sets control, added, mergeable and byte_fallback by the tokens' types. Errors: DATA_LOSS names a
// byte token that spells no byte.
Status UseTokenTypes(const std::vector<int64_t>& types, Vocabulary& vocabulary);

}  // namespace footnote::generator
