// What the decoder families with RMS norms, gated MLPs and rotary positions share: sizes, names of
// tensors in both formats, loading. A family's file fills `spec` and `layout` between the two
// steps:
//
//   GatedDecoder model(source, "qwen3");
//   FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon({}));
//   model.layout.head_norms = true;
//   FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary({}));
//   return model.Build();
//
// Private to the generator room. Threads: one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "generator/arch/config_reader.h"
#include "generator/arch/network.h"
#include "generator/arch/rope_config.h"
#include "generator/arch/tensor_reader.h"
#include "generator/blocks/transformer_decoder.h"

namespace footnote::generator {

// What transformers takes for a key that a family's config.json lacks; nothing: the key must be
// there. A GGUF has no such defaults.
struct HuggingFaceDefaults {
  std::optional<int64_t> layers, width, heads, feed_forward_width, context_tokens, vocabulary_size;
  std::optional<int64_t> kv_heads;    // nothing: as many as heads
  std::optional<int64_t> head_width;  // nothing: width / heads
  double norm_epsilon = 1e-6;
  bool tied = false;
  // The key of the MLP's activation, and its value. Null: the family's file reads it.
  const char* activation_key = "hidden_act";
  const char* activation = "silu";
};

// Where the family's tensors are, and what they hold.
struct GatedLayout {
  // config.json only; a GGUF has a bias where it has its tensor.
  bool attention_bias = false;
  bool output_bias = false;
  bool mlp_bias = false;
  bool head_norms = false;        // of queries and keys
  bool branch_norms = false;      // behind attention and MLP too
  float norm_offset = 0;          // what the norms' weights in safetensors lack
  std::string prefix = "model.";  // of a folder's tensors
  // Parts of names of tensors that are no part of the text model.
  std::vector<std::string_view> others;
};

class GatedDecoder {
 public:
  // name: the architecture's in a GGUF's keys.
  GatedDecoder(const WeightSource& source, std::string_view name);

  ConfigReader& config() { return config_; }
  TensorReader& tensors() { return tensors_; }
  bool gguf() const { return config_.gguf(); }

  // Sizes, epsilon, activation, attention_scale = 1 / sqrt(D), no window.
  Status ReadCommon(const HuggingFaceDefaults& defaults);

  // One rotation for all layers. head_width and context_tokens are filled in.
  Status ReadRotary(RopeTraits traits);
  StatusOr<RotaryTable> ReadRotation(RopeTraits traits);

  // Which layers have a window: by config.json's layer_types or a GGUF's
  // attention.sliding_window_pattern; where there is none, by `sliding(layer)`. Errors:
  // UNIMPLEMENTED for another type of layer.
  template <typename Function>
  StatusOr<std::vector<bool>> SlidingLayers(Function sliding) {
    std::vector<bool> kinds;
    for (int64_t layer = 0; layer < spec.shape.layers; ++layer) kinds.push_back(sliding(layer));
    FOOTNOTE_RETURN_IF_ERROR(ReadLayerTypes(kinds));
    return kinds;
  }

  // Takes every tensor, and refuses what is left over, of keys and of tensors.
  StatusOr<Network> Build();

  DecoderSpec spec;
  GatedLayout layout;
  std::vector<int64_t> windows;  // by layer
  std::vector<int> rotations;    // by layer, index into spec.rotary
  float logits_scale = 1;

 private:
  Status ReadGgufCommon();
  Status ReadHuggingFaceCommon(const HuggingFaceDefaults& defaults);
  Status ReadLayerTypes(std::vector<bool>& kinds);
  Status ReadGgufPattern(std::vector<bool>& kinds);
  StatusOr<NormWeights> Norm(const std::string& name, int64_t size);
  StatusOr<DecoderLayer> ReadLayer(int64_t index);
  Status ReadAttention(int64_t index, DecoderLayer& layer);
  Status ReadFeedForward(int64_t index, DecoderLayer& layer);

  ConfigReader config_;
  TensorReader tensors_;
  bool tied_ = false;
};

}  // namespace footnote::generator
