// What the Gemma models share. Private to the generator room.
#pragma once

#include <cstdint>
#include <vector>

#include "common/status.h"
#include "generator/arch/gated_decoder.h"

namespace footnote::generator {

// transformers' defaults that Gemma 1 to 3 agree in.
HuggingFaceDefaults GemmaDefaults();

// Scaled embeddings, norms that lack 1, biases where config.json has them; in a GGUF the MLP's
// activation, which it does not name. Errors: UNIMPLEMENTED for attention in both directions.
Status ReadGemmaCommon(GatedDecoder& model);

// Gemma 2 and 3: norms behind the branches, caps, windows, the scale of scores.
struct GemmaTraits {
  // Caps where the file does not mention one; 0: none.
  double absent_attention_cap = 0;
  double absent_logits_cap = 0;
  bool caps_attention = true;  // transformers reads Gemma 3's attention cap and does not apply it
  // Every so many layers one without a window, where the file does not say so by layer.
  int64_t window_pattern = 0;
  // In a GGUF that names no window; 0: none.
  int64_t absent_window = 0;
  // Layers of the 27B model, whose scores have the scale of width / heads and not of a head's
  // width; a GGUF does not say so otherwise.
  int64_t largest_layers = 0;
};
// Fills windows too. True: the layer has one.
StatusOr<std::vector<bool>> ReadLaterGemma(GatedDecoder& model, const GemmaTraits& traits);

}  // namespace footnote::generator
