// Qwen 2 and 2.5: Llama with biases on queries, keys and values, and windows on upper layers where
// the configuration switches them on. (The checkpoints leave them off.)

#include "generator/arch/qwen_windows.h"

namespace footnote::generator {

StatusOr<Network> BuildQwen2(const WeightSource& source) {
  GatedDecoder model(source, "qwen2");
  HuggingFaceDefaults defaults;
  defaults.kv_heads = 32;
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon(defaults));
  model.layout.attention_bias = true;
  FOOTNOTE_RETURN_IF_ERROR(ReadQwenWindows(model));
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary({}));
  return model.Build();
}

}  // namespace footnote::generator
