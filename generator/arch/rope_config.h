// Rotary positions as a model's files ask for them: base, scaling, layout. Private to the generator
// room.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/status.h"
#include "generator/arch/config_reader.h"
#include "generator/arch/tensor_reader.h"
#include "generator/blocks/transformer_decoder.h"

namespace footnote::generator {

// base^(-2i / rotated) for i in [0, ceil(rotated / 2)). Source: Su et al. 2021, equation 15.
std::vector<double> PlainInverseFrequencies(double base, int64_t rotated);

// Llama 3's scaling: long wavelengths are divided by `factor`, short ones kept, a smooth step
// between. original_context: positions the model was first trained with. Source: the model's
// reference code.
struct Llama3Scaling {
  double factor = 1;
  double low_frequency_factor = 1;
  double high_frequency_factor = 4;
  double original_context = 8192;
};
void ApplyLlama3Scaling(const Llama3Scaling& scaling, std::vector<double>& inverse_frequencies);

// YaRN's: pairs that turn more than `fast_turns` times within the original context are kept, those
// that turn less than `slow_turns` times divided by `factor`, a ramp over the pairs' numbers
// between. `truncate` widens the ramp to whole pairs. Source: Peng et al. 2023, section 3.2.
struct YarnScaling {
  double factor = 1;
  double fast_turns = 32;
  double slow_turns = 1;
  double original_context = 0;
  bool truncate = true;
};
void ApplyYarnScaling(const YarnScaling& scaling, double base, int64_t rotated,
                      std::vector<double>& inverse_frequencies);

// What a family says about its rotation that a file need not.
struct RopeTraits {
  double base = 10000;  // where the file names none
  int64_t head_width = 0;
  int64_t context_tokens = 0;  // the model's, which is the original one where the file names none
  // Part of a head that is rotated where config.json's partial_rotary_factor does not say; without
  // it that key must be 1 or absent.
  std::optional<double> rotated_part;
  // config.json only:
  std::string section = "rope_parameters";  // the object that holds the settings
  // Where the family keeps original_max_position_embeddings outside of the section.
  std::optional<int64_t> original_context;
  bool yarn_is_longrope = false;  // what Phi-3 once called it
  // GGUF only:
  kernels::RopePairing pairing = kernels::RopePairing::kHalves;
  std::string base_key = "rope.freq_base";
};

// From config.json: rope_parameters, or rope_theta and rope_scaling (before transformers 5). Kinds:
// default, linear, llama3, yarn, longrope. Errors: UNIMPLEMENTED names another kind.
StatusOr<RotaryTable> ReadHuggingFaceRope(ConfigReader& config, const RopeTraits& traits);

// From a GGUF: rope.freq_base, rope.scaling.*, and the tensors rope_freqs, which divides the
// frequencies, or rope_factors_short and rope_factors_long (LongRoPE). Kinds: none, linear, yarn,
// longrope.
StatusOr<RotaryTable> ReadGgufRope(ConfigReader& config, TensorReader& tensors,
                                   const RopeTraits& traits);

// The one for the file's format.
StatusOr<RotaryTable> ReadRope(ConfigReader& config, TensorReader& tensors,
                               const RopeTraits& traits);

}  // namespace footnote::generator
