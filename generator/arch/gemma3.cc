// Gemma 3, its text part: Gemma 2 with norms of queries and keys in place of the cap on scores,
// five layers with a window for each without, and a rotation of their own for the layers with one.

#include <string>
#include <utility>

#include "generator/arch/gemma_family.h"

namespace footnote::generator {
namespace {

constexpr double kGlobalBase = 1e6;
constexpr double kLocalBase = 1e4;
constexpr int64_t kDefaultPattern = 6;

// What of a folder with images is no part of the text model.
constexpr std::string_view kImageKeys[] = {
    "boi_token_index",     "boi_token_id",     "eoi_token_index", "eoi_token_id",
    "image_token_index",   "image_token_id",   "text_config",     "vision_config",
    "mm_tokens_per_image", "video_token_index"};
constexpr std::string_view kImageTensors[] = {"vision_tower.", "multi_modal_projector.",
                                              "vision_model."};

HuggingFaceDefaults Defaults() {
  // Published folders with images say of their text part only what differs from these.
  HuggingFaceDefaults defaults = GemmaDefaults();
  defaults.layers = 26;
  defaults.width = 2304;
  defaults.heads = 8;
  defaults.kv_heads = 4;
  defaults.feed_forward_width = 9216;
  defaults.context_tokens = 131072;
  defaults.vocabulary_size = 262208;
  return defaults;
}

// Where the tensors of the text part are: alone, or beside those for images in either order of
// names that transformers has written.
std::string Prefix(const TensorReader& tensors) {
  for (const char* prefix : {"language_model.model.", "model.language_model."}) {
    if (tensors.Has(std::string(prefix) + "embed_tokens.weight")) return prefix;
  }
  return "model.";
}

// The rotation of layers without (0) and with a window (1). Scaling concerns the former only.
Status ReadRotations(GatedDecoder& model, const std::vector<bool>& sliding) {
  RopeTraits global;
  global.base = kGlobalBase;
  RopeTraits local;
  local.base = kLocalBase;
  ConfigReader& config = model.config();
  if (!model.gguf()) {
    // Before v5 the settings were those of the global layers, and the local ones had a base.
    FOOTNOTE_ASSIGN_OR_RETURN(local.base, config.PositiveOr("rope_local_base_freq", kLocalBase));
    if (config.Has("rope_parameters.full_attention") ||
        config.Has("rope_parameters.sliding_attention")) {
      FOOTNOTE_ASSIGN_OR_RETURN(global.base,
                                config.PositiveOr("rope_parameters.rope_theta", kGlobalBase));
      global.section = "rope_parameters.full_attention";
    }
    local.section = "rope_parameters.sliding_attention";
  }
  FOOTNOTE_RETURN_IF_ERROR(model.ReadRotary(global));
  RotaryTable table;
  if (model.gguf()) {
    FOOTNOTE_ASSIGN_OR_RETURN(const double base,
                              config.PositiveOr("rope.freq_base_swa", kLocalBase));
    table.inverse_frequencies = PlainInverseFrequencies(base, model.spec.shape.head_width);
  } else {
    FOOTNOTE_ASSIGN_OR_RETURN(table, model.ReadRotation(local));
  }
  model.spec.rotary.push_back(std::move(table));
  for (size_t layer = 0; layer < sliding.size(); ++layer) {
    model.rotations[layer] = sliding[layer] ? 1 : 0;
  }
  return OkStatus();
}

}  // namespace

StatusOr<Network> BuildGemma3(const WeightSource& source) {
  GatedDecoder model(source, "gemma3");
  FOOTNOTE_RETURN_IF_ERROR(model.ReadCommon(Defaults()));
  ConfigReader& config = model.config();
  GemmaTraits traits;
  traits.caps_attention = false;
  traits.largest_layers = 62;
  traits.window_pattern = kDefaultPattern;
  if (!model.gguf()) {
    model.layout.prefix = Prefix(model.tensors());
    model.layout.others.assign(std::begin(kImageTensors), std::end(kImageTensors));
    config.Ignore(kImageKeys);
    FOOTNOTE_ASSIGN_OR_RETURN(traits.window_pattern,
                              config.SizeOr("sliding_window_pattern", kDefaultPattern));
    // Written beside layer_types, which say it; transformers does not read it.
    constexpr std::string_view kUnread[] = {"_sliding_window_pattern"};
    config.Ignore(kUnread);
  }
  model.layout.head_norms = true;
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<bool> sliding, ReadLaterGemma(model, traits));
  FOOTNOTE_RETURN_IF_ERROR(ReadRotations(model, sliding));
  return model.Build();
}

}  // namespace footnote::generator
