// Qwen 3, dense: Qwen 2 without its biases, with a norm of every query's and key's head before the
// rotation, and heads of a width of their own.

#include "generator/arch/qwen_windows.h"

namespace footnote::generator {

StatusOr<Network> BuildQwen3(const WeightSource& source) {
  GatedDecoder model(source, "qwen3");
  HuggingFaceDefaults defaults;
  defaults.kv_heads = 32;
  defaults.head_width = 128;
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon(defaults));
  model.layout.head_norms = true;
  if (!model.gguf()) {
    FOOTNOTE_ASSIGN_OR_RETURN(model.layout.attention_bias,
                              model.config().FlagOr("attention_bias", false));
    model.layout.output_bias = model.layout.attention_bias;
  }
  FOOTNOTE_RETURN_IF_ERROR(ReadQwenWindows(model));
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary({}));
  return model.Build();
}

}  // namespace footnote::generator
