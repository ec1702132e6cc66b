#include "generator/arch/sentence_folder.h"

#include <limits>
#include <nlohmann/json.hpp>
#include <string>

#include "common/file.h"

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

StatusOr<PoolingKind> ReadPoolingMode(const fs::path& path) {
  FOOTNOTE_ASSIGN_OR_RETURN(const Json json, ReadJson(path));
  if (!json.is_object()) return DataLossError(path.string() + " is missing or not a JSON object");
  // Newer files name one mode; older ones have a flag for each.
  std::string mode = ValueOr<std::string>(json, "pooling_mode", "");
  if (mode.empty()) {
    constexpr std::string_view kFlagPrefix = "pooling_mode_";
    for (const auto& [key, value] : json.items()) {
      if (!key.starts_with(kFlagPrefix) || !value.is_boolean() || !value.get<bool>()) continue;
      if (!mode.empty()) {
        return UnimplementedError(path.string() +
                                  ": several pooling modes together are not "
                                  "supported");
      }
      mode = key.substr(kFlagPrefix.size());
    }
  }
  if (mode == "mean" || mode == "mean_tokens") return PoolingKind::kMean;
  if (mode == "cls" || mode == "cls_token") return PoolingKind::kFirst;
  return UnimplementedError(path.string() + ": pooling mode '" + mode +
                            "' is not supported (supported: mean, cls)");
}

Status ReadModules(const fs::path& folder, const Json& modules, PoolingSpec& spec) {
  const std::string file = (folder / "modules.json").string();
  if (!modules.is_array()) return DataLossError(file + " is not a list of modules");
  for (const Json& module : modules) {
    const std::string type = ValueOr<std::string>(module, "type", "");
    const std::string name = type.substr(type.rfind('.') + 1);
    const std::string path = ValueOr<std::string>(module, "path", "");
    if (name == "Transformer") continue;
    if (name == "Pooling" && spec.kind == PoolingKind::kUnknown) {
      FOOTNOTE_ASSIGN_OR_RETURN(spec.kind, ReadPoolingMode(folder / path / "config.json"));
    } else if (name == "Normalize" && spec.kind != PoolingKind::kUnknown) {
      spec.normalise = true;
    } else {
      return UnimplementedError(file + ": module '" + type + "' is not supported here");
    }
  }
  if (spec.kind == PoolingKind::kUnknown) {
    spec.why_unknown = file + " names no pooling module, so the model gives no sentence vectors";
  }
  return OkStatus();
}

}  // namespace

StatusOr<PoolingSpec> ReadSentenceFolder(const fs::path& folder) {
  PoolingSpec spec;
  FOOTNOTE_ASSIGN_OR_RETURN(const Json modules, ReadJson(folder / "modules.json"));
  if (modules.is_null()) {
    spec.why_unknown = folder.string() +
                       " has no modules.json, which says how to pool; use a sentence-transformers "
                       "folder";
  } else {
    FOOTNOTE_RETURN_IF_ERROR(ReadModules(folder, modules, spec));
  }

  const fs::path use_file = folder / "sentence_bert_config.json";
  FOOTNOTE_ASSIGN_OR_RETURN(const Json use, ReadJson(use_file));
  spec.max_tokens = ValueOr<int64_t>(use, "max_seq_length", 0);
  if (spec.max_tokens < 0 || spec.max_tokens > std::numeric_limits<int32_t>::max()) {
    return DataLossError(use_file.string() + ": max_seq_length is out of range");
  }
  if (ValueOr<bool>(use, "do_lower_case", false)) {
    return UnimplementedError(use_file.string() +
                              ": do_lower_case asks for lower case before the tokenizer, which is "
                              "not supported");
  }

  FOOTNOTE_ASSIGN_OR_RETURN(const Json prompts,
                            ReadJson(folder / "config_sentence_transformers.json"));
  if (prompts.is_object() && prompts.contains("prompts")) {
    const Json& named = prompts["prompts"];
    spec.query_prefix = ValueOr<std::string>(named, "query", "");
    spec.passage_prefix = ValueOr<std::string>(named, "document", "");
    if (spec.passage_prefix.empty()) {
      spec.passage_prefix = ValueOr<std::string>(named, "passage", "");
    }
  }
  return spec;
}

}  // namespace footnote::generator
