// The interface that the generator room implements and the retriever, indexer and grounding use, so
// that those rooms need not know models: text to vector.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/call_context.h"
#include "common/status.h"
#include "common/types.h"

namespace footnote {

// Vectors of a batch of texts.
struct Embeddings {
  int width = 0;
  std::vector<float> values;    // [n, width], row-major, each row of length 1
  std::vector<bool> truncated;  // [n]: the text had more tokens than the model takes

  std::span<const float> row(size_t index) const {
    return std::span<const float>(values).subspan(index * static_cast<size_t>(width),
                                                  static_cast<size_t>(width));
  }
};

// A text and parts of it, such as sentences: in order, not overlapping.
struct PartedText {
  std::string_view text;
  std::vector<ByteSpan> parts;
};

struct PartedEmbeddings {
  Embeddings texts;
  // One row per part, text after text. `truncated` where the model saw nothing of a part, or not
  // its end; in the first case the row is zeros.
  Embeddings parts;
};

// What a text is to the search; models trained with prefixes ("query: ") need to know.
enum class TextRole { kQuery, kPassage };

// Threads: every method may be called concurrently.
class Embedder {
 public:
  virtual ~Embedder() = default;

  virtual int width() const = 0;

  // Longest input in tokens, special tokens included; the rest of a longer text is not seen.
  virtual int max_tokens() const = 0;

  // Hex SHA-256 that identifies weights, tokenizer and pooling: vectors of two hashes never mix.
  virtual const std::string& model_sha256() const = 0;

  // A short name for people: "all-MiniLM-L6-v2".
  virtual const std::string& name() const = 0;

  // Tokens of `text` without special tokens. Invalid UTF-8 counts as U+FFFD.
  virtual int CountTokens(std::string_view text) const = 0;

  // One vector per text, in order. No length fails: too long is truncated and reported. An empty
  // text has a vector too. Errors: CANCELLED, DEADLINE_EXCEEDED.
  virtual StatusOr<Embeddings> Embed(std::span<const std::string_view> texts, TextRole role,
                                     const CallContext& call) const = 0;

  // The same vectors as Embed gives, and one for each part: the mean of its tokens' states in the
  // whole text, so that parts are seen in their context and cost no pass of their own. A part that
  // begins or ends within a word has the tokens that it would have alone.
  virtual StatusOr<PartedEmbeddings> EmbedParts(std::span<const PartedText> texts, TextRole role,
                                                const CallContext& call) const = 0;
};

}  // namespace footnote
