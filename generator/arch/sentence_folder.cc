#include "generator/arch/sentence_folder.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "common/file.h"
#include "generator/weights/safetensors.h"
#include "kernels/dtype.h"

namespace footnote::generator {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// These files are a few hundred bytes; a larger one is something else.
constexpr size_t kMaxConfigBytes = 1 << 20;

// An absent file is JSON null.
StatusOr<Json> ReadJson(const fs::path& path) {
  std::error_code error;
  if (!fs::exists(path, error)) return Json();
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadFile(path, kMaxConfigBytes));
  Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return DataLossError(path.string() + " is not valid JSON");
  return json;
}

// The value of `key` when it is there and of type T, else `absent`.
template <typename T>
T ValueOr(const Json& object, const char* key, T absent) {
  const auto found = object.is_object() ? object.find(key) : object.end();
  if (!object.is_object() || found == object.end()) return absent;
  if constexpr (std::is_same_v<T, bool>) {
    return found->is_boolean() ? found->get<bool>() : absent;
  } else if constexpr (std::is_same_v<T, std::string>) {
    return found->is_string() ? found->get<std::string>() : absent;
  } else {
    return found->is_number_integer() ? found->get<T>() : absent;
  }
}

struct PoolingMode {
  PoolingKind kind = PoolingKind::kUnknown;
  bool includes_prompt = true;  // its tokens are pooled too
};

StatusOr<PoolingKind> PoolingKindOf(const std::string& mode, const fs::path& path) {
  if (mode == "mean" || mode == "mean_tokens") return PoolingKind::kMean;
  if (mode == "cls" || mode == "cls_token") return PoolingKind::kFirst;
  if (mode == "lasttoken") return PoolingKind::kLast;
  if (mode == "max" || mode == "max_tokens") return PoolingKind::kMax;
  if (mode == "mean_sqrt_len_tokens") return PoolingKind::kSumByRoot;
  if (mode == "weightedmean" || mode == "weightedmean_tokens") return PoolingKind::kWeightedMean;
  return UnimplementedError(path.string() + ": pooling mode '" + mode +
                            "' is not supported (supported: mean, cls, lasttoken, max, "
                            "mean_sqrt_len_tokens, weightedmean)");
}

StatusOr<PoolingMode> ReadPoolingMode(const fs::path& path) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Json json, ReadJson(path));
  if (!json.is_object()) return DataLossError(path.string() + " is missing or not a JSON object");
  // Newer files name one mode; older ones have a flag for each.
  std::string mode = ValueOr<std::string>(json, "pooling_mode", "");
  if (json.contains("pooling_mode") && json["pooling_mode"].is_array()) {
    if (json["pooling_mode"].size() != 1 || !json["pooling_mode"][0].is_string()) {
      return UnimplementedError(path.string() +
                                ": several pooling modes together are not supported");
    }
    mode = json["pooling_mode"][0].get<std::string>();
  }
  if (mode.empty()) {
    constexpr std::string_view kFlagPrefix = "pooling_mode_";
    for (const auto& [key, value] : json.items()) {
      if (!key.starts_with(kFlagPrefix) || !value.is_boolean() || !value.get<bool>()) continue;
      if (!mode.empty()) {
        return UnimplementedError(path.string() +
                                  ": several pooling modes together are not supported");
      }
      mode = key.substr(kFlagPrefix.size());
    }
  }
  PoolingMode read;
  FOOTNOTE_ASSIGN_OR_RETURN(read.kind, PoolingKindOf(mode, path));
  read.includes_prompt = ValueOr<bool>(json, "include_prompt", true);
  return read;
}

// A Dense module: config.json and linear.weight, linear.bias in a file of its own.
StatusOr<PoolingStep> ReadDense(const fs::path& folder) {
  const fs::path config_file = folder / "config.json", weights_file = folder / "model.safetensors";
  FOOTNOTE_ASSIGN_OR_RETURN(const Json json, ReadJson(config_file));
  PoolingStep step;
  step.inputs = ValueOr<int64_t>(json, "in_features", 0);
  step.outputs = ValueOr<int64_t>(json, "out_features", 0);
  for (const char* key : {"module_input_name", "module_output_name"}) {
    const std::string name = ValueOr<std::string>(json, key, "sentence_embedding");
    if (name == "sentence_embedding") continue;
    return UnimplementedError(config_file.string() + ": " + key + " is '" + name +
                              "'; only 'sentence_embedding' is supported");
  }
  if (ValueOr<bool>(json, "use_residual", false)) {
    return UnimplementedError(config_file.string() + ": use_residual is not supported");
  }
  // null is none, but a missing key is the module's default.
  const bool none = json.is_object() && json.contains("activation_function") &&
                    json["activation_function"].is_null();
  const std::string activation = ValueOr<std::string>(
      json, "activation_function", none ? "Identity" : "torch.nn.modules.activation.Tanh");
  const std::string name = activation.substr(activation.rfind('.') + 1);
  if (name == "Tanh") {
    step.activation = HeadActivation::kTanh;
  } else if (name == "ReLU") {
    step.activation = HeadActivation::kRelu;
  } else if (name == "GELU") {
    step.activation = HeadActivation::kGeluErf;
  } else if (name != "Identity") {
    return UnimplementedError(config_file.string() + ": activation_function is '" + activation +
                              "'; only Identity, Tanh, ReLU and GELU are supported");
  }
  std::error_code error;
  if (!fs::exists(weights_file, error)) {
    return UnimplementedError(folder.string() +
                              " has no model.safetensors for its Dense module; PyTorch pickles are "
                              "not read, convert them to safetensors");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(const MappedFile file, MappedFile::Open(weights_file));
  TensorTable table;
  if (Status status = ReadSafetensors(file.bytes(), table); !status.ok()) {
    return status.WithContext(weights_file.string());
  }
  const auto read = [&](const char* tensor_name, const std::vector<int64_t>& shape,
                        std::vector<float>& values) -> Status {
    FOOTNOTE_ASSIGN_OR_RETURN(const StoredTensor* tensor,
                              table.Require(tensor_name, weights_file.string()));
    if (tensor->shape != shape) {
      return InvalidArgumentError(weights_file.string() + ": tensor '" + tensor_name +
                                  "' has not the shape that " + config_file.string() + " says");
    }
    values.resize(static_cast<size_t>(tensor->elements()));
    return kernels::Dequantize(tensor->dtype, tensor->bytes, values);
  };
  FOOTNOTE_RETURN_IF_ERROR(read("linear.weight", {step.outputs, step.inputs}, step.weight));
  if (ValueOr<bool>(json, "bias", true)) {
    FOOTNOTE_RETURN_IF_ERROR(read("linear.bias", {step.outputs}, step.bias));
  }
  if (step.weight.empty()) return InvalidArgumentError(config_file.string() + " has no sizes");
  return step;
}

Status ReadModules(const fs::path& folder, const Json& modules, int64_t width, PoolingSpec& spec,
                   bool& includes_prompt) {
  const std::string file = (folder / "modules.json").string();
  if (!modules.is_array()) return DataLossError(file + " is not a list of modules");
  for (const Json& module : modules) {
    const std::string type = ValueOr<std::string>(module, "type", "");
    const std::string name = type.substr(type.rfind('.') + 1);
    const std::string path = ValueOr<std::string>(module, "path", "");
    if (name == "Transformer" || name == "Dropout") continue;
    const bool pooled = spec.kind != PoolingKind::kUnknown;
    if (name == "Pooling" && !pooled) {
      FOOTNOTE_ASSIGN_OR_RETURN(const PoolingMode mode,
                                ReadPoolingMode(folder / path / "config.json"));
      spec.kind = mode.kind;
      includes_prompt = mode.includes_prompt;
    } else if (name == "Normalize" && pooled) {
      spec.steps.emplace_back();
    } else if (name == "Dense" && pooled) {
      FOOTNOTE_ASSIGN_OR_RETURN(PoolingStep step, ReadDense(folder / path));
      if (step.inputs != width) {
        return InvalidArgumentError((folder / path / "config.json").string() + ": in_features is " +
                                    std::to_string(step.inputs) + " but the vectors have " +
                                    std::to_string(width) + " columns");
      }
      width = step.outputs;
      spec.steps.push_back(std::move(step));
    } else {
      return UnimplementedError(file + ": module '" + type + "' is not supported here");
    }
  }
  if (spec.kind == PoolingKind::kUnknown) {
    spec.why_unknown = file + " names no pooling module, so the model gives no sentence vectors";
  }
  return OkStatus();
}

// The length at which the tokenizer cuts; 0: it does not, or only at a number that stands for none.
StatusOr<int64_t> TokenizerLimit(const fs::path& folder) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Json json, ReadJson(folder / "tokenizer_config.json"));
  const auto limit = json.is_object() ? json.find("model_max_length") : json.end();
  if (!json.is_object() || limit == json.end() || !limit->is_number()) return int64_t{0};
  const double value = limit->get<double>();
  constexpr double kNone = 1e9;  // 1e30 is usual
  return value >= 1 && value < kNone ? static_cast<int64_t>(value) : int64_t{0};
}

Status ReadPrompts(const fs::path& file, PoolingSpec& spec) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Json settings, ReadJson(file));
  if (!settings.is_object() || !settings.contains("prompts")) return OkStatus();
  const Json& named = settings["prompts"];
  const std::string standard = ValueOr<std::string>(
      named, ValueOr<std::string>(settings, "default_prompt_name", "").c_str(), "");
  spec.query_prefix = ValueOr<std::string>(named, "query", standard);
  spec.passage_prefix = standard;
  for (const char* name : {"document", "passage", "corpus"}) {
    if (!named.is_object() || !named.contains(name) || !named[name].is_string()) continue;
    spec.passage_prefix = named[name].get<std::string>();
    // The library puts in an empty one by itself, and a file may have it beside the model's own.
    if (!spec.passage_prefix.empty()) break;
  }
  return OkStatus();
}

}  // namespace

StatusOr<PoolingSpec> ReadSentenceFolder(const fs::path& folder, int64_t width) {
  PoolingSpec spec;
  bool includes_prompt = true;
  FOOTNOTE_ASSIGN_OR_RETURN(const Json modules, ReadJson(folder / "modules.json"));
  if (modules.is_null()) {
    spec.why_unknown = folder.string() +
                       " has no modules.json, which says how to pool; use a sentence-transformers "
                       "folder";
  } else {
    FOOTNOTE_RETURN_IF_ERROR(ReadModules(folder, modules, width, spec, includes_prompt));
  }

  const fs::path use_file = folder / "sentence_bert_config.json";
  FOOTNOTE_ASSIGN_OR_RETURN(const Json use, ReadJson(use_file));
  spec.max_tokens = ValueOr<int64_t>(use, "max_seq_length", 0);
  if (spec.max_tokens < 0 || spec.max_tokens > std::numeric_limits<int32_t>::max()) {
    return DataLossError(use_file.string() + ": max_seq_length is out of range");
  }
  if (spec.max_tokens == 0) {
    FOOTNOTE_ASSIGN_OR_RETURN(spec.max_tokens, TokenizerLimit(folder));
  }
  if (ValueOr<bool>(use, "do_lower_case", false)) {
    return UnimplementedError(use_file.string() +
                              ": do_lower_case asks for lower case before the tokenizer, which is "
                              "not supported");
  }
  FOOTNOTE_RETURN_IF_ERROR(ReadPrompts(folder / "config_sentence_transformers.json", spec));
  if (!includes_prompt && !(spec.query_prefix.empty() && spec.passage_prefix.empty())) {
    return UnimplementedError(folder.string() +
                              ": the pooling module leaves the prompt out (include_prompt), which "
                              "is not supported");
  }
  return spec;
}

}  // namespace footnote::generator
