// Gemma 2: Gemma with norms behind attention and MLP, caps on scores and logits, and a sliding
// window on every other layer.

#include "generator/arch/gemma_family.h"

namespace footnote::generator {

StatusOr<Network> BuildGemma2(const WeightSource& source) {
  GatedDecoder model(source, "gemma2");
  HuggingFaceDefaults defaults = GemmaDefaults();
  defaults.kv_heads = 4;
  defaults.context_tokens = 8192;
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon(defaults));
  GemmaTraits traits;
  traits.absent_attention_cap = 50;
  traits.absent_logits_cap = 30;
  traits.window_pattern = 2;
  traits.absent_window = 4096;
  traits.largest_layers = 46;
  FOOTNOTE_RETURN_IF_ERROR(ReadLaterGemma(model, traits).status());
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary({}));
  return model.Build();
}

}  // namespace footnote::generator
