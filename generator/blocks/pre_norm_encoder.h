// The encoder of ModernBERT: blocks of bidirectional attention and a gated MLP, each adding to the
// residual stream what it makes of its norm; rotary positions; in some layers a window. Private to
// the generator room.
//
// Source: Warner et al. 2024, "Smarter, Better, Faster, Longer" (ModernBERT).
#pragma once

#include <vector>

#include "generator/blocks/post_norm_encoder.h"

namespace footnote::generator {

// W model width, F feed-forward width. Biases may be empty.
struct PreNormEncoderLayer {
  LayerNormWeights attention_norm;            // weight empty: the input is normed already
  kernels::Weight query, key, value, output;  // [W, W]
  std::vector<float> query_bias, key_bias, value_bias, output_bias;
  LayerNormWeights feed_forward_norm;
  kernels::Weight gate, up;  // [F, W]: activation(gate) * up
  kernels::Weight down;      // [W, F]
  std::vector<float> gate_bias, up_bias, down_bias;
  int64_t window = -1;  // RelativeAttentionParams::window
  bool local = false;   // rotates by local_inverse_frequencies
  // As PostNormEncoderLayer's.
  std::vector<float> attention_spread, feed_forward_spread;
};

enum class GateActivation { kGeluErf, kGeluTanh, kSilu };

struct PreNormEncoderSpec {
  NetworkShape shape;
  float norm_epsilon = 0;
  GateActivation activation = GateActivation::kGeluErf;
  kernels::Weight token_embedding;  // [vocabulary, W]
  LayerNormWeights embedding_norm;
  std::vector<double> inverse_frequencies, local_inverse_frequencies;  // [head width / 2]
  std::vector<PreNormEncoderLayer> layers;
  LayerNormWeights final_norm;
  int64_t most_positions = 0;  // tokens that a sequence may have
  PoolingSpec pooling;
  ClassifierSpec classifier;
};

std::unique_ptr<Encoder> MakePreNormEncoder(PreNormEncoderSpec spec);

}  // namespace footnote::generator
