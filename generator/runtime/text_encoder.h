// The Embedder over an encoder model: texts to ids, ids to packed batches, vectors back in order.
// Private to the generator room.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "common/embedder.h"
#include "generator/runtime/loaded_model.h"

namespace footnote::generator {

// Threads: as Embedder.
class TextEncoder final : public Embedder {
 public:
  TextEncoder(std::shared_ptr<const LoadedModel> model, std::string model_sha256,
              bool parse_control_tokens);

  int width() const override { return model_->info().vector_width; }
  int max_tokens() const override { return model_->encoder()->max_tokens(); }
  const std::string& model_sha256() const override { return model_sha256_; }
  const std::string& name() const override { return model_->info().name; }
  int CountTokens(std::string_view text) const override;
  StatusOr<Embeddings> Embed(std::span<const std::string_view> texts, TextRole role,
                             const CallContext& call) const override;
  StatusOr<PartedEmbeddings> EmbedParts(std::span<const PartedText> texts, TextRole role,
                                        const CallContext& call) const override;

 private:
  struct Tokens {
    // With the model's special tokens; a text that is too long loses its end, but not the special
    // token after it.
    std::vector<TokenId> ids;
    bool truncated = false;
    struct Part {
      size_t begin = 0, end = 0;  // in ids; none when nothing of it was kept
      bool truncated = false;
    };
    std::vector<Part> parts;
  };

  Tokens Tokenise(const PartedText& text, TextRole role) const;
  std::vector<size_t> CountUpTo(std::string_view text, const std::vector<uint64_t>& bounds,
                                size_t count) const;

  std::shared_ptr<const LoadedModel> model_;
  std::string model_sha256_;
  bool parse_control_tokens_;
};

}  // namespace footnote::generator
