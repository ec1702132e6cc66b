// The decoder that Llama made common: pre-norm blocks of RMS norm, grouped-query attention with
// rotary positions, and a SiLU-gated MLP; a norm and a head on top. Private to the generator room.
//
// Source: Touvron et al. 2023, "LLaMA", section 2.2; Ainslie et al. 2023 (grouped queries); Jiang
// et al. 2023, "Mistral 7B" (sliding window).
#pragma once

#include <vector>

#include "generator/arch/network.h"
#include "kernels/ops.h"

namespace footnote::generator {

// W model width, H heads, D head width, F feed-forward width. Biases are empty where there are
// none.
struct GatedDecoderLayer {
  std::vector<float> attention_norm;  // [W]
  kernels::Weight query, key, value;  // [H * D, W], [Hkv * D, W] twice
  std::vector<float> query_bias, key_bias, value_bias;
  kernels::Weight output;                // [W, H * D]
  std::vector<float> output_bias;        // [W]
  std::vector<float> feed_forward_norm;  // [W]
  kernels::Weight gate, up;              // [F, W]
  std::vector<float> gate_bias, up_bias;
  kernels::Weight down;  // [W, F]
  std::vector<float> down_bias;
};

struct GatedDecoderSpec {
  NetworkShape shape;
  float norm_epsilon = 0;
  kernels::RopePairing rope_pairing = kernels::RopePairing::kHalves;
  std::vector<double> inverse_frequencies;
  int64_t window = 0;         // positions a query sees, itself included; 0: all before it
  kernels::Weight embedding;  // [vocabulary, W]
  std::vector<GatedDecoderLayer> layers;
  std::vector<float> final_norm;  // [W]
  kernels::Weight head;           // [vocabulary, W]
};

std::unique_ptr<Decoder> MakeGatedDecoder(GatedDecoderSpec spec);

}  // namespace footnote::generator
