// What the decoders with layer norms and plain MLPs share (Phi, Falcon, GPT-BigCode, GPT-2): sizes,
// names of tensors, fused projections, loading. Private to the generator room.
//
// A member reads its own configuration into LayerNormSettings and says how its tensors are called;
// in GGUF all members call them alike.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "generator/arch/config_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/tensor_reader.h"
#include "generator/blocks/transformer_decoder.h"

namespace footnote::generator {

// How a file holds queries, keys and values.
enum class Projection {
  kSeparate,  // three matrices
  kStacked,   // one: all queries, all keys, all values
  kGrouped,   // one: for each key head its queries, its key, its value
};

// Names of one layer's tensors without ".weight" and ".bias". `query` is the fused matrix, if one
// is. feed_forward_norm is empty where attention and MLP read the same normed input.
struct LayerNormNames {
  std::string attention_norm, feed_forward_norm, query, key, value, output, up, down;
};

struct LayerNormSettings {
  NetworkShape shape;
  double norm_epsilon = 0;
  FeedForwardActivation activation = FeedForwardActivation::kGeluTanh;
  bool parallel = false;
  double attention_scale = 0;
  bool scale_by_layer = false;      // layer i's attention scale is divided by i + 1
  std::vector<RotaryTable> rotary;  // one or none
  Projection projection = Projection::kSeparate;
  bool transposed = false;  // matrices are [inputs, outputs]
  bool bias = true;         // of every matrix within layers; GGUF: where there is a tensor
  bool head_bias = false;
  bool tied = true;

  std::string embedding, positions, final_norm, head;  // names; positions may be empty
  std::vector<LayerNormNames> layers;
};

// Checks the sizes and takes every tensor. `stray`: parts of names of tensors without influence.
// Errors: as BuildNetwork.
StatusOr<Network> BuildLayerNormDecoder(ConfigReader& config, TensorReader& tensors,
                                        LayerNormSettings settings,
                                        std::initializer_list<std::string_view> stray);

// Settings of a GGUF: sizes, names and which biases there are. What a GGUF does not say (parallel,
// activation, positions) the member adds. Sizes are looked up in tensors where llama.cpp's
// converter writes 4 x width whatever the MLP's width is. Errors: as BuildNetwork.
StatusOr<LayerNormSettings> ReadGgufLayerNormSettings(ConfigReader& config, TensorReader& tensors);

// What GPT-2 and GPT-BigCode say alike in config.json: everything but the projection and the number
// of key heads. `activation`: where activation_function is absent. Errors: as BuildNetwork.
Status ReadGptSizes(ConfigReader& config, const TensorReader& tensors, std::string activation,
                    LayerNormSettings& settings);

// A size under its own name or under the one that transformers takes for it too.
StatusOr<int64_t> SizeOfEither(ConfigReader& config, std::string_view key, std::string_view alias,
                               int64_t absent);

// `prefix` where the checkpoint's names have it, else "": both are in use.
std::string PrefixOf(const TensorReader& tensors, std::string_view prefix, std::string_view name);

}  // namespace footnote::generator
