#include "generator/arch/rope_config.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace footnote::generator {
namespace {

// Models have up to 512. Each pair's frequency is kept, so a damaged file must not ask for billions
// before the first tensor is found missing.
constexpr int64_t kMostHeadWidth = 65536;

// Elements of a head that turn. An odd number leaves the last pair its full frequency and takes one
// element more.
Status CheckRotated(ConfigReader& config, std::string_view key, int64_t rotated,
                    int64_t head_width) {
  if (head_width > kMostHeadWidth) {
    return InvalidArgumentError(config.source().description() + ": a head of " +
                                std::to_string(head_width) + " elements; at most " +
                                std::to_string(kMostHeadWidth) + " are read: is the file damaged?");
  }
  if (rotated > 0 && rotated + rotated % 2 <= head_width) return OkStatus();
  return InvalidArgumentError(config.Describe(key) + " asks to rotate " + std::to_string(rotated) +
                              " of a head's " + std::to_string(head_width) +
                              " elements; these must be whole pairs within it");
}

void Divide(std::vector<double>& frequencies, double factor) {
  for (double& frequency : frequencies) frequency /= factor;
}

// frequencies / factors. `where` names the factors in errors.
StatusOr<std::vector<double>> Divided(const std::vector<double>& frequencies,
                                      std::span<const double> factors, const std::string& where) {
  if (factors.size() != frequencies.size()) {
    return InvalidArgumentError(where + " has " + std::to_string(factors.size()) +
                                " factors; the rotation has " + std::to_string(frequencies.size()) +
                                " pairs");
  }
  std::vector<double> divided(frequencies);
  for (size_t i = 0; i < factors.size(); ++i) {
    if (!std::isfinite(factors[i]) || factors[i] <= 0) {
      return InvalidArgumentError(where + " holds a factor that is not above 0");
    }
    divided[i] /= factors[i];
  }
  return divided;
}

// By how much attention to far positions is sharpened, as a factor of cosine and sine. Source: Peng
// et al. 2023, section 3.4.
double YarnMagnitude(double factor, double weight = 1) {
  return factor <= 1 ? 1.0 : 0.1 * weight * std::log(factor) + 1;
}

// Source: Ding et al. 2024 (LongRoPE), section 3.
double LongRopeMagnitude(double factor, double original_context) {
  return factor <= 1 ? 1.0 : std::sqrt(1 + std::log(factor) / std::log(original_context));
}

// config.json's settings of one rotation.
class Section {
 public:
  Section(ConfigReader& config, const RopeTraits& traits) : config_(config), traits_(traits) {}

  StatusOr<RotaryTable> Read();

 private:
  std::string Key(const char* name) const { return traits_.section + "." + name; }
  StatusOr<int64_t> Rotated();
  StatusOr<double> OriginalContext();
  Status Llama3(RotaryTable& rope);
  Status Yarn(double base, int64_t rotated, RotaryTable& rope);
  Status LongRope(RotaryTable& rope);

  ConfigReader& config_;
  const RopeTraits& traits_;
};

StatusOr<int64_t> Section::Rotated() {
  const std::string inner = Key("partial_rotary_factor");
  const char* outer = "partial_rotary_factor";
  if (!traits_.rotated_part.has_value()) {
    FOOTNOTE_RETURN_IF_ERROR(config_.ExpectNumber(outer, 1));
    FOOTNOTE_RETURN_IF_ERROR(config_.ExpectNumber(inner, 1));
    FOOTNOTE_RETURN_IF_ERROR(
        CheckRotated(config_, Key("rope_theta"), traits_.head_width, traits_.head_width));
    return traits_.head_width;
  }
  FOOTNOTE_ASSIGN_OR_RETURN(double part, config_.PositiveOr(outer, *traits_.rotated_part));
  FOOTNOTE_ASSIGN_OR_RETURN(part, config_.PositiveOr(inner, part));
  const auto rotated =
      static_cast<int64_t>(static_cast<double>(traits_.head_width) * std::min(part, 2.0));
  FOOTNOTE_RETURN_IF_ERROR(CheckRotated(config_, outer, rotated, traits_.head_width));
  return rotated;
}

StatusOr<double> Section::OriginalContext() {
  if (traits_.original_context.has_value()) return static_cast<double>(*traits_.original_context);
  return config_.PositiveOr(Key("original_max_position_embeddings"),
                            static_cast<double>(traits_.context_tokens));
}

Status Section::Llama3(RotaryTable& rope) {
  Llama3Scaling scaling;
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.factor, config_.Positive(Key("factor")));
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.low_frequency_factor, config_.Positive(Key("low_freq_factor")));
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.high_frequency_factor,
                            config_.Positive(Key("high_freq_factor")));
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.original_context, OriginalContext());
  if (scaling.high_frequency_factor <= scaling.low_frequency_factor) {
    return InvalidArgumentError(config_.Describe(Key("high_freq_factor")) +
                                " must be above low_freq_factor");
  }
  ApplyLlama3Scaling(scaling, rope.inverse_frequencies);
  return OkStatus();
}

Status Section::Yarn(double base, int64_t rotated, RotaryTable& rope) {
  YarnScaling scaling;
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.original_context, OriginalContext());
  const double grown = static_cast<double>(traits_.context_tokens) / scaling.original_context;
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.factor, config_.PositiveOr(Key("factor"), grown));
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.fast_turns,
                            config_.PositiveOr(Key("beta_fast"), scaling.fast_turns));
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.slow_turns,
                            config_.PositiveOr(Key("beta_slow"), scaling.slow_turns));
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.truncate, config_.FlagOr(Key("truncate"), true));
  double magnitude = YarnMagnitude(scaling.factor);
  if (config_.Has(Key("mscale")) && config_.Has(Key("mscale_all_dim"))) {
    FOOTNOTE_ASSIGN_OR_RETURN(const double above, config_.Positive(Key("mscale")));
    FOOTNOTE_ASSIGN_OR_RETURN(const double below, config_.Positive(Key("mscale_all_dim")));
    magnitude = YarnMagnitude(scaling.factor, above) / YarnMagnitude(scaling.factor, below);
  }
  FOOTNOTE_ASSIGN_OR_RETURN(magnitude, config_.PositiveOr(Key("attention_factor"), magnitude));
  rope.attention_factor = static_cast<float>(magnitude);
  ApplyYarnScaling(scaling, base, rotated, rope.inverse_frequencies);
  return OkStatus();
}

Status Section::LongRope(RotaryTable& rope) {
  FOOTNOTE_ASSIGN_OR_RETURN(const double original, OriginalContext());
  const double grown = static_cast<double>(traits_.context_tokens) / original;
  FOOTNOTE_ASSIGN_OR_RETURN(const double factor, config_.PositiveOr(Key("factor"), grown));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const double magnitude,
      config_.PositiveOr(Key("attention_factor"), LongRopeMagnitude(factor, original)));
  rope.attention_factor = static_cast<float>(magnitude);
  // Beyond any context there is: never.
  rope.original_context = static_cast<int64_t>(std::min(original, 1e15));
  const std::vector<double> plain = rope.inverse_frequencies;
  for (const auto& [name, table] : {std::pair("short_factor", &rope.inverse_frequencies),
                                    std::pair("long_factor", &rope.long_inverse_frequencies)}) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<double> factors, config_.Numbers(Key(name)));
    FOOTNOTE_ASSIGN_OR_RETURN(*table, Divided(plain, factors, config_.Describe(Key(name))));
  }
  return OkStatus();
}

StatusOr<RotaryTable> Section::Read() {
  RotaryTable rope;
  FOOTNOTE_ASSIGN_OR_RETURN(const double base, config_.PositiveOr(Key("rope_theta"), traits_.base));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t rotated, Rotated());
  rope.inverse_frequencies = PlainInverseFrequencies(base, rotated);
  if (!config_.Has(traits_.section)) return rope;

  for (const char* other : {"full_attention", "sliding_attention", "mrope_section"}) {
    if (config_.Has(Key(other))) {
      return UnimplementedError(
          config_.Describe(Key(other)) +
          ": rotations that differ by layer or section are not supported for this architecture");
    }
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string older, config_.TextOr(Key("type"), "default"));
  FOOTNOTE_ASSIGN_OR_RETURN(std::string kind, config_.TextOr(Key("rope_type"), older));
  if (kind == "su" || (kind == "yarn" && traits_.yarn_is_longrope)) kind = "longrope";
  Status status;
  if (kind == "linear") {
    FOOTNOTE_ASSIGN_OR_RETURN(const double factor, config_.Positive(Key("factor")));
    Divide(rope.inverse_frequencies, factor);
  } else if (kind == "llama3") {
    status = Llama3(rope);
  } else if (kind == "yarn") {
    status = Yarn(base, rotated, rope);
  } else if (kind == "longrope") {
    status = LongRope(rope);
  } else if (kind != "default") {
    status = UnimplementedError(config_.Describe(Key("rope_type")) + " is '" + kind +
                                "'; only default, linear, llama3, yarn and longrope are supported");
  }
  FOOTNOTE_RETURN_IF_ERROR(status);
  return rope;
}

StatusOr<std::vector<double>> FactorTensor(TensorReader& tensors, const std::string& name,
                                           size_t pairs) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<float> factors,
                            tensors.Vector(name, static_cast<int64_t>(pairs)));
  return std::vector<double>(factors.begin(), factors.end());
}

Status ReadGgufYarn(ConfigReader& config, const RopeTraits& traits, double base, int64_t rotated,
                    double factor, RotaryTable& rope) {
  YarnScaling scaling;
  scaling.factor = factor;
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.original_context,
                            config.PositiveOr("rope.scaling.original_context_length",
                                              static_cast<double>(traits.context_tokens)));
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.fast_turns,
                            config.PositiveOr("rope.scaling.yarn_beta_fast", scaling.fast_turns));
  FOOTNOTE_ASSIGN_OR_RETURN(scaling.slow_turns,
                            config.PositiveOr("rope.scaling.yarn_beta_slow", scaling.slow_turns));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("rope.scaling.yarn_ext_factor", 1));
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectNumber("rope.scaling.yarn_log_multiplier", 0));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const double magnitude,
      config.PositiveOr("rope.scaling.yarn_attn_factor", YarnMagnitude(factor)));
  rope.attention_factor *= static_cast<float>(magnitude);
  ApplyYarnScaling(scaling, base, rotated, rope.inverse_frequencies);
  return OkStatus();
}

Status ReadGgufLongRope(ConfigReader& config, TensorReader& tensors, const RopeTraits& traits,
                        RotaryTable& rope) {
  FOOTNOTE_ASSIGN_OR_RETURN(
      rope.original_context,
      config.SizeOr("rope.scaling.original_context_length", traits.context_tokens));
  const std::vector<double> plain = rope.inverse_frequencies;
  for (const auto& [name, table] :
       {std::pair("rope_factors_short.weight", &rope.inverse_frequencies),
        std::pair("rope_factors_long.weight", &rope.long_inverse_frequencies)}) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<double> factors,
                              FactorTensor(tensors, name, plain.size()));
    FOOTNOTE_ASSIGN_OR_RETURN(
        *table, Divided(plain, factors, config.source().description() + ": tensor '" + name + "'"));
  }
  return OkStatus();
}

}  // namespace

std::vector<double> PlainInverseFrequencies(double base, int64_t rotated) {
  std::vector<double> frequencies(static_cast<size_t>((rotated + 1) / 2));
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

void ApplyYarnScaling(const YarnScaling& scaling, double base, int64_t rotated,
                      std::vector<double>& inverse_frequencies) {
  // The pair, as a real number, that turns so many times within the original context.
  const auto pair_of = [&](double turns) {
    return static_cast<double>(rotated) *
           std::log(scaling.original_context / (turns * 2 * std::numbers::pi)) /
           (2 * std::log(base));
  };
  double first = pair_of(scaling.fast_turns);
  double last = pair_of(scaling.slow_turns);
  if (scaling.truncate) {
    first = std::floor(first);
    last = std::ceil(last);
  }
  first = std::max(first, 0.0);
  last = std::min(last, static_cast<double>(rotated - 1));
  // A step where there is no room for a ramp.
  if (first == last) last += 0.001;
  for (size_t i = 0; i < inverse_frequencies.size(); ++i) {
    const double divided = std::clamp((static_cast<double>(i) - first) / (last - first), 0.0, 1.0);
    inverse_frequencies[i] *= divided / scaling.factor + (1 - divided);
  }
}

StatusOr<RotaryTable> ReadHuggingFaceRope(ConfigReader& config, const RopeTraits& traits) {
  // The weight source gives the older spelling (rope_theta, rope_scaling) as the newer one too.
  constexpr std::string_view kOlderSpelling[] = {"rope_theta", "rope_scaling"};
  config.Ignore(kOlderSpelling);
  FOOTNOTE_RETURN_IF_ERROR(config.ExpectFlag("rope_interleaved", false));
  return Section(config, traits).Read();
}

StatusOr<RotaryTable> ReadGgufRope(ConfigReader& config, TensorReader& tensors,
                                   const RopeTraits& traits) {
  RotaryTable rope;
  rope.pairing = traits.pairing;
  FOOTNOTE_ASSIGN_OR_RETURN(const double base, config.PositiveOr(traits.base_key, traits.base));
  FOOTNOTE_ASSIGN_OR_RETURN(const int64_t rotated,
                            config.SizeOr("rope.dimension_count", traits.head_width));
  FOOTNOTE_RETURN_IF_ERROR(
      CheckRotated(config, "rope.dimension_count", rotated, traits.head_width));
  rope.inverse_frequencies = PlainInverseFrequencies(base, rotated);

  // "rope.scale_linear" is how files of 2023 spelt it.
  FOOTNOTE_ASSIGN_OR_RETURN(const double old_factor, config.PositiveOr("rope.scale_linear", 1));
  FOOTNOTE_ASSIGN_OR_RETURN(
      const std::string kind,
      config.TextOr("rope.scaling.type", old_factor == 1 ? "none" : "linear"));
  FOOTNOTE_ASSIGN_OR_RETURN(const double factor,
                            config.PositiveOr("rope.scaling.factor", old_factor));
  FOOTNOTE_ASSIGN_OR_RETURN(const double magnitude,
                            config.PositiveOr("rope.scaling.attn_factor", 1));
  rope.attention_factor = static_cast<float>(magnitude);
  constexpr std::string_view kSaidElsewhere[] = {"rope.scaling.original_context_length",
                                                 "rope.scaling.finetuned"};
  config.Ignore(kSaidElsewhere);
  if (kind == "linear") {
    Divide(rope.inverse_frequencies, factor);
  } else if (kind == "yarn") {
    FOOTNOTE_RETURN_IF_ERROR(ReadGgufYarn(config, traits, base, rotated, factor, rope));
  } else if (kind != "none" && kind != "longrope") {
    return UnimplementedError(config.Describe("rope.scaling.type") + " is '" + kind +
                              "'; only none, linear, yarn and longrope are supported");
  }
  // Converters write LongRoPE's tables without naming the kind.
  if (kind == "longrope" || tensors.Has("rope_factors_long.weight")) {
    FOOTNOTE_RETURN_IF_ERROR(ReadGgufLongRope(config, tensors, traits, rope));
  }
  constexpr const char* kFactors = "rope_freqs.weight";
  if (tensors.Has(kFactors)) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<double> factors,
                              FactorTensor(tensors, kFactors, rope.inverse_frequencies.size()));
    FOOTNOTE_ASSIGN_OR_RETURN(rope.inverse_frequencies, Divided(rope.inverse_frequencies, factors,
                                                                config.source().description() +
                                                                    ": tensor '" + kFactors + "'"));
  }
  return rope;
}

StatusOr<RotaryTable> ReadRope(ConfigReader& config, TensorReader& tensors,
                               const RopeTraits& traits) {
  return config.gguf() ? ReadGgufRope(config, tensors, traits)
                       : ReadHuggingFaceRope(config, traits);
}

}  // namespace footnote::generator
