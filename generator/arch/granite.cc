// Granite 3, dense: Llama with multipliers of the embedding, of attention's scores and of both
// branches, and a divisor of the logits.

#include <algorithm>

#include "generator/arch/gated_decoder.h"

namespace footnote::generator {
namespace {

struct Multipliers {
  double embedding = 1;
  double attention = 1;
  double residual = 1;
  double logits_divisor = 1;
};

StatusOr<Multipliers> ReadMultipliers(GatedDecoder& model) {
  ConfigReader& config = model.config();
  const bool gguf = model.gguf();
  Multipliers read;
  FOOTNOTE_ASSIGN_OR_RETURN(
      read.embedding, config.PositiveOr(gguf ? "embedding_scale" : "embedding_multiplier", 1));
  // A GGUF without one means the usual scale, config.json without one means 1.
  FOOTNOTE_ASSIGN_OR_RETURN(read.attention,
                            gguf ? config.PositiveOr("attention.scale", model.spec.attention_scale)
                                 : config.PositiveOr("attention_multiplier", 1));
  FOOTNOTE_ASSIGN_OR_RETURN(read.residual,
                            config.PositiveOr(gguf ? "residual_scale" : "residual_multiplier", 1));
  FOOTNOTE_ASSIGN_OR_RETURN(read.logits_divisor,
                            config.PositiveOr(gguf ? "logit_scale" : "logits_scaling", 1));
  return read;
}

}  // namespace

StatusOr<Network> BuildGranite(const WeightSource& source) {
  GatedDecoder model(source, "granite");
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon({}));
  FOOTNOTE_ASSIGN_OR_RETURN(const Multipliers multipliers, ReadMultipliers(model));
  model.spec.embedding_scale = static_cast<float>(multipliers.embedding);
  model.spec.attention_scale = static_cast<float>(multipliers.attention);
  model.spec.residual_scale = static_cast<float>(multipliers.residual);
  model.logits_scale = static_cast<float>(1 / multipliers.logits_divisor);
  RopeTraits rope;
  bool rotates = true;
  if (model.gguf()) {
    rope.pairing = kernels::RopePairing::kInterleaved;
    // The key that says so of models without positions.
    FOOTNOTE_ASSIGN_OR_RETURN(rotates, model.config().FlagOr("rope.scaling.finetuned", true));
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(model.layout.attention_bias,
                              model.config().FlagOr("attention_bias", false));
    model.layout.output_bias = model.layout.attention_bias;
    FOOTNOTE_ASSIGN_OR_RETURN(model.layout.mlp_bias, model.config().FlagOr("mlp_bias", false));
  }
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary(rope));
  if (!rotates) std::fill(model.rotations.begin(), model.rotations.end(), -1);
  return model.Build();
}

}  // namespace footnote::generator
