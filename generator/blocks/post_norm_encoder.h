// The encoder of BERT: sums of three embeddings, then blocks of bidirectional attention and a GELU
// MLP, each followed by a layer norm over the residual sum; pooling or a classifying head on top.
// Private to the generator room.
//
// Source: Devlin et al. 2019, "BERT"; Vaswani et al. 2017, section 3.1 (post-norm).
#pragma once

#include <string>
#include <vector>

#include "generator/arch/network.h"
#include "kernels/ops.h"

namespace footnote::generator {

struct NormWeights {
  std::vector<float> weight, bias;  // [W] each
};

// W model width, F feed-forward width.
struct PostNormEncoderLayer {
  kernels::Weight query, key, value, output;  // [W, W]
  std::vector<float> query_bias, key_bias, value_bias, output_bias;
  NormWeights attention_norm;
  kernels::Weight up;    // [F, W]
  kernels::Weight down;  // [W, F]
  std::vector<float> up_bias, down_bias;
  NormWeights feed_forward_norm;
  // [W] each, of what the projections and `up` are multiplied with (Weight::column_spread); empty
  // until they are measured.
  std::vector<float> attention_spread, feed_forward_spread;
};

enum class PoolingKind { kUnknown, kMean, kFirst };

// How a sequence of hidden states becomes one vector, and what else the files say about use.
struct PoolingSpec {
  PoolingKind kind = PoolingKind::kUnknown;
  bool normalise = false;
  std::string why_unknown;  // for the error message
  int64_t max_tokens = 0;   // 0: as many as there are positions
  std::string query_prefix, passage_prefix;
};

// A head over each sequence's first token: tanh(pooler), then one number for each of L labels. Its
// matrices stay as stored: beside the blocks they cost nothing.
struct ClassifierSpec {
  std::vector<std::string> labels;  // [L]; none: there is no head
  kernels::Weight pooler;           // [W, W]
  std::vector<float> pooler_bias;   // [W]
  kernels::Weight output;           // [L, W]
  std::vector<float> output_bias;   // [L]
};

struct PostNormEncoderSpec {
  NetworkShape shape;
  float norm_epsilon = 0;
  kernels::GeluKind gelu = kernels::GeluKind::kErf;
  kernels::Weight token_embedding;     // [vocabulary, W]
  kernels::Weight type_embedding;      // [types, W]
  kernels::Weight position_embedding;  // [positions, W]
  NormWeights embedding_norm;
  std::vector<PostNormEncoderLayer> layers;
  PoolingSpec pooling;
  ClassifierSpec classifier;
};

std::unique_ptr<Encoder> MakePostNormEncoder(PostNormEncoderSpec spec);

}  // namespace footnote::generator
