// What a file says about a tokenizer, in one form for GGUF and tokenizer.json.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/status.h"
#include "generator/tokenizer.h"
#include "generator/tokenizers/decoder.h"
#include "generator/tokenizers/normalizer.h"
#include "generator/tokenizers/pretokenizer.h"
#include "generator/weights/weight_source.h"

namespace footnote::generator {

// A token that is found in text as it stands, before anything is merged.
struct AddedToken {
  TokenId id = 0;
  std::string text;
  bool special = false;      // a control token: found only with parse_special
  bool lstrip = false;       // takes the white space before it
  bool rstrip = false;       // … and after it
  bool single_word = false;  // not inside a word
  bool normalized = false;   // is looked for in normalised text
};

struct Vocabulary {
  std::string model;                // a GGUF name of tokenizers.def
  std::vector<std::string> tokens;  // by id, spelled as in the file: byte-level letters, "▁", "##"
  std::vector<bool> control;        // by id
  std::vector<AddedToken> added;

  // What happens to a text before the model sees its words, and to tokens afterwards.
  Normalizer normalizer;
  PreTokenizer pre_tokenizer;
  std::string pre_tokenizer_name;
  Decoder decoder;

  // BPE with ranks, of bytes or of characters.
  std::vector<std::pair<std::string, std::string>> merges;  // in order of rank
  bool ignore_merges = false;  // a word that is a token is that token, whatever merges say
  bool fuse_unknown = false;

  // Scores: of two possible merges, the higher goes first; of two segmentations, the one with the
  // higher sum.
  std::vector<double> scores;   // by id
  std::vector<bool> mergeable;  // by id: may come out of a merge or a segmentation

  // Characters that are no token are spelled in "<0x00>" … "<0xFF>", when those are tokens.
  bool byte_fallback = false;

  // WordPiece.
  std::string continuing_prefix = "##";
  size_t longest_word = 100;  // characters; a longer word is unknown

  std::optional<TokenId> unknown;
  std::vector<TokenId> prefix;  // around a text when add_special
  std::vector<TokenId> suffix;
  std::optional<TokenId> bos;
  std::vector<TokenId> end_of_generation;
};

// From a GGUF's `tokenizer.ggml.*`. Errors: NOT_FOUND (no vocabulary), DATA_LOSS (names the key),
// UNIMPLEMENTED (model or pre-tokenizer by name).
StatusOr<Vocabulary> ReadGgufVocabulary(const WeightSource& source);

// From a tokenizer.json, and the files beside it that name tokens (ReadNeighbours). Errors as
// above.
StatusOr<Vocabulary> ReadJsonVocabulary(const std::filesystem::path& path);

// From a SentencePiece tokenizer.model, and the files beside it. Errors as above.
StatusOr<Vocabulary> ReadSentencePieceVocabulary(const std::filesystem::path& path);

// BOS and the tokens that end a generation, from tokenizer_config.json, generation_config.json and
// config.json in `folder`, each of which may be absent. Errors: DATA_LOSS names file and key.
Status ReadNeighbours(const std::filesystem::path& folder, Vocabulary& vocabulary);

// Ids of "<0x00>" … "<0xFF>", -1 where there is none.
std::vector<TokenId> ByteIds(const Vocabulary& vocabulary);

// What tokenizers.def lists. Errors: DATA_LOSS (merges of unknown tokens).
#define FOOTNOTE_TOKENIZER(gguf_model, json_model, make) \
  StatusOr<std::unique_ptr<Tokenizer>> make(Vocabulary vocabulary);
#include "generator/tokenizers/tokenizers.def"
#undef FOOTNOTE_TOKENIZER

// GGUF name of the tokenizer that tokenizer.json calls so; nothing when there is none.
std::optional<std::string> TokenizerOfJsonModel(std::string_view json_model);

// Characters that SentencePiece writes for a space, and what it puts around a text's words.
inline constexpr std::string_view kSpaceMark = "\u2581";

// "gpt2, bert": for messages.
std::string SupportedTokenizers();

// Control tokens that end a turn or a text in published models, whether or not the file says so.
bool EndsGeneration(std::string_view control_token);

}  // namespace footnote::generator
