// Rotary positions as a model's files ask for them: base, scaling, layout. Private to the generator
// room.
#pragma once

#include <vector>

#include "common/status.h"
#include "generator/arch/config_reader.h"
#include "generator/arch/tensor_reader.h"
#include "generator/blocks/transformer_decoder.h"

namespace footnote::generator {

// base^(-2i / rotated) for i in [0, rotated / 2). Source: Su et al. 2021, equation 15.
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

// From config.json: rope_parameters, or rope_theta and rope_scaling (before transformers 5). Kinds:
// default, linear, llama3. Errors: UNIMPLEMENTED names another kind.
StatusOr<RotaryTable> ReadHuggingFaceRope(ConfigReader& config, int64_t head_width);

// From a GGUF: rope.freq_base, rope.scaling.*, and the tensor rope_freqs.weight, which divides the
// frequencies. Pairs are interleaved.
StatusOr<RotaryTable> ReadGgufRope(ConfigReader& config, TensorReader& tensors, int64_t head_width);

}  // namespace footnote::generator
