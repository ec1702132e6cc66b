// Which layers of a Qwen model have a sliding window. Private to the generator room.
#pragma once

#include "common/status.h"
#include "generator/arch/gated_decoder.h"

namespace footnote::generator {

// use_sliding_window, sliding_window, max_window_layers and layer_types of config.json; a GGUF has
// none of them. Errors: INVALID_ARGUMENT when layers ask for a window that the configuration
// switches off.
Status ReadQwenWindows(GatedDecoder& model);

}  // namespace footnote::generator
