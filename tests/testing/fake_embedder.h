// An Embedder without a model: each lower-case word hashes to a fixed random direction, a text is
// the normalised sum of its words'. Texts that share words are near; equal texts have equal
// vectors, on every machine.
#pragma once

#include <string>
#include <vector>

#include "common/embedder.h"

namespace footnote::testing {

class FakeEmbedder : public Embedder {
 public:
  // `seed` makes another "model": other vectors, another hash.
  explicit FakeEmbedder(int width = 64, uint64_t seed = 0);

  int width() const override { return width_; }
  int max_tokens() const override { return 256; }
  const std::string& model_sha256() const override { return sha256_; }
  const std::string& name() const override { return name_; }
  // Words: runs of ASCII letters, digits and bytes above 127.
  int CountTokens(std::string_view text) const override;
  StatusOr<Embeddings> Embed(std::span<const std::string_view> texts, TextRole role,
                             const CallContext& call) const override;
  // Each part as a text of its own.
  StatusOr<PartedEmbeddings> EmbedParts(std::span<const PartedText> texts, TextRole role,
                                        const CallContext& call) const override;

 private:
  std::vector<std::string> Words(std::string_view text) const;

  int width_;
  uint64_t seed_;
  std::string name_;
  std::string sha256_;
};

}  // namespace footnote::testing
