#include "generator/arch/activation.h"

#include <utility>

namespace footnote::generator {
namespace {

struct Named {
  std::string_view name;
  FeedForwardActivation activation;
};

// Source: transformers.activations.ACT2FN. Those that approximate the same function differ by
// rounding.
constexpr Named kActivations[] = {{"silu", FeedForwardActivation::kSilu},
                                  {"swish", FeedForwardActivation::kSilu},
                                  {"gelu", FeedForwardActivation::kGeluErf},
                                  {"gelu_python", FeedForwardActivation::kGeluErf},
                                  {"gelu_new", FeedForwardActivation::kGeluTanh},
                                  {"gelu_pytorch_tanh", FeedForwardActivation::kGeluTanh},
                                  {"gelu_python_tanh", FeedForwardActivation::kGeluTanh},
                                  {"gelu_fast", FeedForwardActivation::kGeluTanh},
                                  {"gelu_accurate", FeedForwardActivation::kGeluTanh}};

}  // namespace

StatusOr<FeedForwardActivation> ReadActivation(ConfigReader& config, std::string_view key,
                                               std::string absent, bool gated) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string name, config.TextOr(key, std::move(absent)));
  std::string known;
  for (const Named& each : kActivations) {
    if (!gated && each.activation == FeedForwardActivation::kSilu) continue;
    if (each.name == name) return each.activation;
    known += (known.empty() ? "" : ", ") + std::string(each.name);
  }
  return UnimplementedError(config.Describe(key) + " is '" + name + "'; of " +
                            (gated ? "gated" : "plain") + " MLPs these are supported: " + known);
}

}  // namespace footnote::generator
