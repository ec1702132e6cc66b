// The encoder of BERT and its relatives: a sum of embeddings, then blocks of bidirectional
// attention and an MLP, each followed by a layer norm over the residual sum. Private to the
// generator room.
//
// Relatives differ in how attention knows positions: a table added to the input (BERT, RoBERTa), a
// rotation of queries and keys (Nomic), scores by distance (DeBERTa, MPNet); and in the MLP.
//
// Source: Devlin et al. 2019, "BERT"; Vaswani et al. 2017, section 3.1 (post-norm); He et al. 2021,
// "DeBERTa"; Song et al. 2020, "MPNet".
#pragma once

#include <string>
#include <vector>

#include "generator/arch/network.h"
#include "generator/blocks/encoder_output.h"
#include "kernels/ops.h"

namespace footnote::generator {

struct LayerNormWeights {
  std::vector<float> weight, bias;  // [W] each; bias may be empty
};

// W model width, F feed-forward width. Biases may be empty.
struct PostNormEncoderLayer {
  kernels::Weight query, key, value, output;  // [W, W]
  std::vector<float> query_bias, key_bias, value_bias, output_bias;
  LayerNormWeights attention_norm;
  kernels::Weight up;    // [F, W]
  kernels::Weight gate;  // [F, W] or none: silu(gate) * up instead of gelu(up)
  kernels::Weight down;  // [W, F]
  std::vector<float> up_bias, down_bias;
  LayerNormWeights feed_forward_norm;
  // What makes the tables of RelativePositions::distances; none when the scores have no such part.
  kernels::Weight distance_key, distance_query;  // [W, W]
  std::vector<float> distance_key_bias, distance_query_bias;
  // [W] each, of what the projections and `up` are multiplied with (Weight::column_spread); empty
  // until they are measured.
  std::vector<float> attention_spread, feed_forward_spread;
  // [R, W] each, made by Prepare.
  std::vector<float> distance_keys, distance_queries;
};

// Scores that depend on how far apart query and key are; rows empty: they do not.
struct RelativePositions {
  std::vector<int32_t> rows;  // RelativeScores::rows, for up to PostNormEncoderSpec::most_positions
  kernels::Weight distances;  // [R, W] or none: DeBERTa's embeddings of distances
  LayerNormWeights distances_norm;  // over them; empty: as they are
  std::vector<float> bias;          // [R, heads] or empty: MPNet's, the same in all layers
  int64_t bias_rows = 0;
};

struct PostNormEncoderSpec {
  NetworkShape shape;
  float norm_epsilon = 0;
  float attention_scale = 0;  // 0: 1 / sqrt(head width)
  kernels::GeluKind gelu = kernels::GeluKind::kErf;
  kernels::Weight token_embedding;       // [vocabulary, E]; E is W unless there is a projection
  kernels::Weight type_embedding;        // [types, E] or none
  kernels::Weight position_embedding;    // [positions, E] or none
  kernels::Weight embedding_projection;  // [W, E] or none, after the sum
  std::vector<float> embedding_projection_bias;
  bool projects_before_norm = false;  // DeBERTa; ELECTRA after it
  LayerNormWeights embedding_norm;    // [E], [W] where the projection comes first
  // RoBERTa's positions: those of other tokens count on from padding_id + 1, and a padding token
  // has padding_id. -1: 0, 1, 2….
  int64_t padding_id = -1;
  std::vector<double> rope_inverse_frequencies;  // of pairs (i, i + D/2); empty: no rotation
  RelativePositions relative;
  // Tokens that a sequence may have, where no table of positions says so.
  int64_t most_positions = 0;
  std::vector<PostNormEncoderLayer> layers;
  PoolingSpec pooling;
  ClassifierSpec classifier;
};

std::unique_ptr<Encoder> MakePostNormEncoder(PostNormEncoderSpec spec);

}  // namespace footnote::generator
