#include "generator/arch/rope_config.h"

#include <cmath>
#include <numbers>
#include <string>

namespace footnote::generator {
namespace {

constexpr double kDefaultBase = 10000;  // of both formats, when the file names none

Status CheckRotated(ConfigReader& config, std::string_view key, int64_t rotated,
                    int64_t head_width) {
  if (rotated % 2 == 0 && rotated <= head_width) return OkStatus();
  return InvalidArgumentError(config.Describe(key) + " asks to rotate " + std::to_string(rotated) +
                              " of a head's " + std::to_string(head_width) +
                              " elements; it must be even and not larger");
}

void Divide(std::vector<double>& frequencies, double factor) {
  for (double& frequency : frequencies) frequency /= factor;
}

}  // namespace

std::vector<double> PlainInverseFrequencies(double base, int64_t rotated) {
  std::vector<double> frequencies(static_cast<size_t>(rotated / 2));
  for (size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = std::pow(base, -2.0 * static_cast<double>(i) / static_cast<double>(rotated));
  }
  return frequencies;
}

void ApplyLlama3Scaling(const Llama3Scaling& scaling, std::vector<double>& inverse_frequencies) {
  for (double& frequency : inverse_frequencies) {
    // Turns that this pair makes within the original context.
    const double turns = scaling.original_context * frequency / (2 * std::numbers::pi);
    if (turns > scaling.high_frequency_factor) continue;
    if (turns < scaling.low_frequency_factor) {
      frequency /= scaling.factor;
      continue;
    }
    const double keep = (turns - scaling.low_frequency_factor) /
                        (scaling.high_frequency_factor - scaling.low_frequency_factor);
    frequency = (1 - keep) * frequency / scaling.factor + keep * frequency;
  }
}

StatusOr<RotaryTable> ReadHuggingFaceRope(ConfigReader& config, int64_t head_width) {
  RotaryTable rope;
  rope.pairing = kernels::RopePairing::kHalves;
  // The weight source gives the older spelling (rope_theta, rope_scaling) as the newer one too.
  const std::string section = "rope_parameters";
  const std::string base_key = section + ".rope_theta";
  constexpr std::string_view kOlderSpelling[] = {"rope_theta", "rope_scaling"};
  config.Ignore(kOlderSpelling);
  FOOTNOTE_ASSIGN_OR_RETURN(const double base, config.PositiveOr(base_key, kDefaultBase));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("rope_interleaved", false));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("partial_rotary_factor", 1));
  FOOTNOTE_RETURN_IF_ERROR(CheckRotated(config, base_key, head_width, head_width));
  rope.inverse_frequencies = PlainInverseFrequencies(base, head_width);
  if (!config.Has(section)) return rope;

  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber(section + ".partial_rotary_factor", 1));
  for (const char* other : {".full_attention", ".sliding_attention", ".mrope_section"}) {
    if (config.Has(section + other)) {
      return UnimplementedError(config.Describe(section + other) +
                                ": rotations that differ by layer or section are not supported");
    }
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string kind,
                            config.TextOr(section + ".rope_type", "default"));
  if (kind == "default") return rope;
  if (kind == "linear") {
    FOOTNOTE_ASSIGN_OR_RETURN(const double factor, config.Positive(section + ".factor"));
    Divide(rope.inverse_frequencies, factor);
    return rope;
  }
  if (kind == "llama3") {
    Llama3Scaling scaling;
    FOOTNOTE_ASSIGN_OR_RETURN(scaling.factor, config.Positive(section + ".factor"));
    FOOTNOTE_ASSIGN_OR_RETURN(scaling.low_frequency_factor,
                              config.Positive(section + ".low_freq_factor"));
    FOOTNOTE_ASSIGN_OR_RETURN(scaling.high_frequency_factor,
                              config.Positive(section + ".high_freq_factor"));
    FOOTNOTE_ASSIGN_OR_RETURN(scaling.original_context,
                              config.Positive(section + ".original_max_position_embeddings"));
    if (scaling.high_frequency_factor <= scaling.low_frequency_factor) {
      return InvalidArgumentError(config.Describe(section + ".high_freq_factor") +
                                  " must be above low_freq_factor");
    }
    ApplyLlama3Scaling(scaling, rope.inverse_frequencies);
    return rope;
  }
  return UnimplementedError(config.Describe(section + ".rope_type") + " is '" + kind +
                            "'; only default, linear and llama3 are supported");
}

StatusOr<RotaryTable> ReadGgufRope(ConfigReader& config, TensorReader& tensors,
                                   int64_t head_width) {
  RotaryTable rope;
  rope.pairing = kernels::RopePairing::kInterleaved;
  FOOTNOTE_ASSIGN_OR_RETURN(const double base, config.PositiveOr("rope.freq_base", kDefaultBase));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t rotated,
                            config.SizeOr("rope.dimension_count", head_width));
  FOOTNOTE_RETURN_IF_ERROR(CheckRotated(config, "rope.dimension_count", rotated, head_width));
  rope.inverse_frequencies = PlainInverseFrequencies(base, rotated);

  // "rope.scale_linear" is how files of 2023 spelt it.
  FOOTNOTE_ASSIGN_OR_RETURN(const double old_factor, config.PositiveOr("rope.scale_linear", 1));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::string kind,
      config.TextOr("rope.scaling.type", old_factor == 1 ? "none" : "linear"));
  FOOTNOTE_ASSIGN_OR_RETURN(const double factor,
                            config.PositiveOr("rope.scaling.factor", old_factor));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("rope.scaling.attn_factor", 1));
  constexpr std::string_view kSaidElsewhere[] = {"rope.scaling.original_context_length",
                                                 "rope.scaling.finetuned"};
  config.Ignore(kSaidElsewhere);
  if (kind == "linear") {
    Divide(rope.inverse_frequencies, factor);
  } else if (kind != "none") {
    return UnimplementedError(config.Describe("rope.scaling.type") + " is '" + kind +
                              "'; only none and linear are supported");
  }

  constexpr const char* kFactors = "rope_freqs.weight";
  if (tensors.Has(kFactors)) {
    FOOTNOTE_ASSIGN_OR_RETURN(
        const std::vector<float> factors,
        tensors.Vector(kFactors, static_cast<int64_t>(rope.inverse_frequencies.size())));
    for (size_t i = 0; i < factors.size(); ++i) {
      if (!(factors[i] > 0)) {
        return InvalidArgumentError(config.source().description() + ": tensor '" + kFactors +
                                    "' holds a factor that is not above 0");
      }
      rope.inverse_frequencies[i] /= factors[i];
    }
  }
  return rope;
}

}  // namespace footnote::generator
