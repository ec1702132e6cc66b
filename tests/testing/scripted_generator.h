// A TextGenerator whose answers are written by the test, with a tokenizer of one token per byte.
#pragma once

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "generator/text_generator.h"

namespace footnote::testing {

// One id per byte (0…255), then <|bos|> 256, <|end|> 257.
class ByteTokenizer : public generator::Tokenizer {
 public:
  const std::string& name() const override { return name_; }
  int32_t vocabulary_size() const override { return 258; }
  std::vector<generator::TokenId> Encode(std::string_view text,
                                         const generator::TokenizeOptions& options) const override;
  std::string Decode(std::span<const generator::TokenId> ids, bool skip_special) const override;
  std::string DecodeWhole(std::span<const generator::TokenId> ids,
                          bool skip_special) const override {
    return Decode(ids, skip_special);
  }
  std::optional<generator::TokenId> Find(std::string_view piece) const override;
  std::optional<generator::TokenId> bos() const override { return 256; }
  std::span<const generator::TokenId> end_of_generation() const override { return end_; }
  bool IsControl(generator::TokenId id) const override { return id >= 256; }

 private:
  std::string name_ = "bytes";
  std::vector<generator::TokenId> end_ = {257};
};

class ScriptedGenerator : public generator::TextGenerator {
 public:
  ScriptedGenerator();

  // What the next calls of Generate write, in order; after the last, nothing.
  std::deque<std::string> script;
  // Every request that came.
  std::vector<generator::GenerationRequest> requests;
  // What LogProbabilities and choices say of every token.
  float log_probability = -0.5f;
  // Behind this text a full stop is told as the other choice.
  std::string may_end_behind;
  // When set, Generate fails with it.
  Status failure;

  // A chat template instead of the plain one.
  void UseTemplate(std::unique_ptr<generator::ChatTemplate> chat_template) {
    template_ = std::move(chat_template);
  }

  const generator::Tokenizer& tokenizer() const override { return tokenizer_; }
  const generator::ChatTemplate* chat_template() const override { return template_.get(); }
  int context_tokens() const override { return 100000; }
  const std::string& name() const override { return name_; }
  StatusOr<generator::GenerationResult> Generate(const generator::GenerationRequest& request,
                                                 const CallContext& call,
                                                 const TokenSink& sink) override;
  StatusOr<std::vector<float>> LogProbabilities(std::span<const generator::TokenId> prompt,
                                                std::span<const generator::TokenId> continuation,
                                                const CallContext& call) override;

 private:
  ByteTokenizer tokenizer_;
  std::unique_ptr<generator::ChatTemplate> template_;
  std::string name_ = "scripted";
  std::mutex mutex_;  // guards script and requests
};

}  // namespace footnote::testing
