#include "generator/arch/gemma_family.h"

#include <cmath>

namespace footnote::generator {
namespace {

// transformers' query_pre_attn_scalar.
constexpr double kDefaultScoreWidth = 256;

constexpr int64_t kDefaultWindow = 4096;

// null means no cap.
StatusOr<float> ReadCap(ConfigReader& config, const char* key, double absent) {
  if (!config.Has(key)) return config.Mentions(key) ? 0.0F : static_cast<float>(absent);
  FOOTNOTE_ASSIGN_OR_RETURN(const double cap, config.Positive(key));
  return static_cast<float>(cap);
}

StatusOr<double> ReadScoreWidth(GatedDecoder& model, int64_t largest_layers) {
  const NetworkShape& shape = model.spec.shape;
  if (!model.gguf()) {
    return model.config().PositiveOr("query_pre_attn_scalar", kDefaultScoreWidth);
  }
  return static_cast<double>(shape.layers == largest_layers ? shape.width / shape.heads
                                                            : shape.head_width);
}

}  // namespace

HuggingFaceDefaults GemmaDefaults() {
  HuggingFaceDefaults defaults;
  defaults.head_width = 256;
  defaults.tied = true;
  defaults.activation_key = "hidden_activation";
  defaults.activation = "gelu_pytorch_tanh";
  return defaults;
}

Status ReadGemmaCommon(GatedDecoder& model) {
  model.spec.embedding_scale =
      static_cast<float>(std::sqrt(static_cast<double>(model.spec.shape.width)));
  model.layout.norm_offset = 1;
  if (model.gguf()) {
    model.spec.activation = FeedForwardActivation::kGeluTanh;
    return OkStatus();
  }
  ConfigReader& config = model.config();
  FOOTNOTE_ASSIGN_OR_RETURN(model.layout.attention_bias, config.FlagOr("attention_bias", false));
  model.layout.output_bias = model.layout.attention_bias;
  constexpr std::string_view kUnread[] = {"cache_implementation"};
  config.Ignore(kUnread);
  return config.ExpectFlag("use_bidirectional_attention", false);
}

StatusOr<std::vector<bool>> ReadLaterGemma(GatedDecoder& model, const GemmaTraits& traits) {
  FOOTNOTE_RETURN_IF_ERROR(ReadGemmaCommon(model));
  ConfigReader& config = model.config();
  model.layout.branch_norms = true;
  FOOTNOTE_ASSIGN_OR_RETURN(const float attention_cap,
                            ReadCap(config, "attn_logit_softcapping", traits.absent_attention_cap));
  if (traits.caps_attention) model.spec.attention_softcap = attention_cap;
  FOOTNOTE_ASSIGN_OR_RETURN(model.spec.logits_softcap,
                            ReadCap(config, "final_logit_softcapping", traits.absent_logits_cap));
  FOOTNOTE_ASSIGN_OR_RETURN(const double score_width, ReadScoreWidth(model, traits.largest_layers));
  model.spec.attention_scale = static_cast<float>(1 / std::sqrt(score_width));

  const char* window_key = model.gguf() ? "attention.sliding_window" : "sliding_window";
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t window,
                            config.CountOr(window_key, config.Mentions(window_key) ? 0
                                                       : model.gguf() ? traits.absent_window
                                                                      : kDefaultWindow));
  FOOTNOTE_ASSIGN_OR_RETURN(std::vector<bool> sliding, model.SlidingLayers([&](int64_t layer) {
    return (layer + 1) % traits.window_pattern != 0;
  }));
  // Without a window every layer is one of the others.
  if (window == 0) sliding.assign(sliding.size(), false);
  for (size_t layer = 0; layer < sliding.size(); ++layer) {
    if (sliding[layer]) model.windows[layer] = window;
  }
  return sliding;
}

}  // namespace footnote::generator
