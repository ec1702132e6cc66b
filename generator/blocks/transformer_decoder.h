// A decoder-only transformer: every family of arch.def that writes text is one of its settings.
//
// Each layer is grouped-query attention and an MLP, both on normed input, both joining a residual
// stream; a norm and a head on top. What families differ in: the kind of norm, norms behind the
// branches, branches side by side, gated or plain MLPs, how positions enter, windows, caps and
// multipliers. Private to the generator room.
//
// Source: Vaswani et al. 2017; Radford et al. 2019, section 2.3 (norms before); Touvron et al. 2023
// (RMS norm, gated MLP); Ainslie et al. 2023 (grouped queries); Jiang et al. 2023 (sliding window);
// Gemma Team 2024 (norms behind, caps).
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "generator/arch/matrix_layout.h"
#include "generator/arch/network.h"
#include "generator/blocks/norm_weights.h"
#include "kernels/ops.h"

namespace footnote::generator {

// W model width, H heads, D head width, F feed-forward width. A vector or a weight that a family
// does not have is empty.

enum class NormKind { kRms, kLayer };

enum class FeedForwardActivation { kSilu, kGeluErf, kGeluTanh };

// How positions turn queries and keys.
struct RotaryTable {
  kernels::RopePairing pairing = kernels::RopePairing::kHalves;
  std::vector<double> inverse_frequencies;  // [rotated / 2], scaling applied
  float attention_factor = 1;               // multiplies cosine and sine
  // LongRoPE: what holds instead for a sequence of more than `original_context` positions.
  std::vector<double> long_inverse_frequencies;
  int64_t original_context = 0;
};

struct DecoderLayer {
  NormWeights attention_norm;
  kernels::Weight query, key, value;  // [H * D, W], [Hkv * D, W] twice
  std::vector<float> query_bias, key_bias, value_bias;
  std::vector<float> query_norm, key_norm;  // [D], RMS norms of each head, before the rotation
  kernels::Weight output;                   // [W, H * D]
  std::vector<float> output_bias;           // [W]
  NormWeights attention_post_norm;          // of the branch, before it joins
  // Side by side without a norm of its own, the MLP reads what attention reads.
  NormWeights feed_forward_norm;
  kernels::Weight gate, up;  // [F, W]; a plain MLP has no gate
  std::vector<float> gate_bias, up_bias;
  kernels::Weight down;  // [W, F]
  std::vector<float> down_bias;
  NormWeights feed_forward_post_norm;
  int64_t window = 0;                // positions a query sees, itself included; 0: all before it
  float attention_scale_factor = 1;  // of DecoderSpec::attention_scale
  int rotary = 0;                    // index into DecoderSpec::rotary; negative: no rotation
};

struct DecoderSpec {
  NetworkShape shape;
  NormKind norm = NormKind::kRms;
  float norm_epsilon = 0;
  FeedForwardActivation activation = FeedForwardActivation::kSilu;
  bool parallel = false;  // attention and MLP read the same residual stream and join it together
  float embedding_scale = 1;
  float attention_scale = 0;    // of q·k, usually 1 / sqrt(D)
  float attention_softcap = 0;  // 0: none
  float residual_scale = 1;     // of each branch where it joins
  float logits_softcap = 0;     // 0: none
  std::vector<RotaryTable> rotary;
  kernels::Weight embedding;  // [vocabulary, W]
  kernels::Weight positions;  // [context, W], learned, added to the embedding
  std::vector<DecoderLayer> layers;
  NormWeights final_norm;
  kernels::Weight head;          // [vocabulary, W]
  std::vector<float> head_bias;  // [vocabulary]
  // Memory of matrices that do not lie in the file as they are multiplied.
  OwnedMatrices owned;
};

std::unique_ptr<Decoder> MakeTransformerDecoder(DecoderSpec spec);

}  // namespace footnote::generator
