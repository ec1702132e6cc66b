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

  int width() const override { return model_->info().width; }
  int max_tokens() const override { return model_->encoder()->max_tokens(); }
  const std::string& model_sha256() const override { return model_sha256_; }
  const std::string& name() const override { return model_->info().name; }
  int CountTokens(std::string_view text) const override;
  StatusOr<Embeddings> Embed(std::span<const std::string_view> texts, TextRole role,
                             const CallContext& call) const override;

 private:
  // Ids of a text with the model's special tokens; a text that is too long loses its end, but not
  // the special token after it.
  std::vector<TokenId> Ids(std::string_view text, TextRole role, bool* truncated) const;

  std::shared_ptr<const LoadedModel> model_;
  std::string model_sha256_;
  bool parse_control_tokens_;
};

}  // namespace footnote::generator
