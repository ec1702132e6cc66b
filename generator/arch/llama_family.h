// What llama.cc and mistral.cc share: sizes, names of tensors in both formats, loading. Private to
// the generator room.
#pragma once

#include "generator/arch/config_reader.h"
#include "generator/arch/network.h"

namespace footnote::generator {

// What a member of the family adds to the common configuration.
struct LlamaFamilyTraits {
  bool attention_bias = false;  // config.json only; a GGUF has a bias where it has its tensor
  bool output_bias = false;
  bool mlp_bias = false;
  int64_t window = 0;
};

// A reader of the file's keys for architecture `name`.
ConfigReader LlamaFamilyConfig(const WeightSource& source, std::string_view name);

// Reads sizes and rotary settings, takes every tensor, and refuses what is left over. `config` has
// read the member's own keys already.
StatusOr<Network> BuildLlamaFamily(ConfigReader& config, const LlamaFamilyTraits& traits);

}  // namespace footnote::generator
