#include "generator/arch/qwen_windows.h"

namespace footnote::generator {
namespace {

// What transformers assumes.
constexpr int64_t kDefaultWindow = 4096;
constexpr int64_t kDefaultFullLayers = 28;

}  // namespace

Status ReadQwenWindows(GatedDecoder& model) {
  if (model.gguf()) return OkStatus();
  ConfigReader& config = model.config();
  FOOTNOTE_ASSIGN_OR_RETURN(const bool use, config.FlagOr("use_sliding_window", false));
  const bool mentioned = config.Mentions("sliding_window");
  FOOTNOTE_ASSIGN_OR_RETURN(int64_t window,
                            config.CountOr("sliding_window", mentioned ? 0 : kDefaultWindow));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t full_layers,
                            config.CountOr("max_window_layers", kDefaultFullLayers));
  if (!use) window = 0;
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::vector<bool> sliding,
      model.SlidingLayers([&](int64_t layer) { return window > 0 && layer >= full_layers; }));
  for (size_t layer = 0; layer < sliding.size(); ++layer) {
    if (!sliding[layer]) continue;
    if (window == 0) {
      return InvalidArgumentError(config.Describe("layer_types") +
                                  " asks for sliding_attention, but use_sliding_window or "
                                  "sliding_window switches windows off; make them agree");
    }
    model.windows[layer] = window;
  }
  return OkStatus();
}

}  // namespace footnote::generator
