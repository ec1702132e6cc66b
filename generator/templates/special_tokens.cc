#include "generator/templates/special_tokens.h"

#include <filesystem>
#include <nlohmann/json.hpp>

#include "generator/weights/hugging_face.h"

namespace footnote::generator {
namespace {

using nlohmann::json;
using Tokens = std::vector<std::pair<std::string, std::string>>;

constexpr std::pair<const char*, const char*> kGgufNames[] = {
    {"bos_token", "bos"},     {"eos_token", "eos"},       {"unk_token", "unknown"},
    {"pad_token", "padding"}, {"sep_token", "seperator"},  // as the format spells it
    {"cls_token", "cls"},     {"mask_token", "mask"},
};

void Set(Tokens& tokens, const std::string& name, std::string text) {
  for (auto& [known, value] : tokens) {
    if (known == name) {
      value = std::move(text);
      return;
    }
  }
  tokens.emplace_back(name, std::move(text));
}

// Every "…_token" of a JSON file, as text or as an added token's object.
Status ReadFile(const std::filesystem::path& path, Tokens& tokens) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return OkStatus();
  FOOTNOTE_ASSIGN_OR_RETURN(const json file, ReadJsonObject(path));
  for (const auto& [name, value] : file.items()) {
    if (!name.ends_with("_token")) continue;
    if (value.is_string()) {
      Set(tokens, name, value.get<std::string>());
    } else if (value.is_object() && value.contains("content") && value["content"].is_string()) {
      Set(tokens, name, value["content"].get<std::string>());
    }
  }
  return OkStatus();
}

}  // namespace

StatusOr<Tokens> SpecialTokensOf(const WeightSource& source, const Tokenizer& tokenizer) {
  Tokens tokens;
  if (source.format() == WeightFormat::kGguf) {
    for (const auto& [name, key] : kGgufNames) {
      const std::string id_key = std::string("tokenizer.ggml.") + key + "_token_id";
      if (!source.Has(id_key)) continue;
      FOOTNOTE_ASSIGN_OR_RETURN(const int64_t id, source.GetInt(id_key));
      if (id < 0 || id >= tokenizer.vocabulary_size()) continue;  // the tokenizer judges it
      const TokenId token = static_cast<TokenId>(id);
      tokens.emplace_back(name, tokenizer.Decode({&token, 1}, /*skip_special=*/false));
    }
    return tokens;
  }
  // config.json is the first file of a folder.
  const std::filesystem::path folder = source.files().front().parent_path();
  FOOTNOTE_RETURN_IF_ERROR(ReadFile(folder / "special_tokens_map.json", tokens));
  FOOTNOTE_RETURN_IF_ERROR(ReadFile(folder / "tokenizer_config.json", tokens));
  return tokens;
}

}  // namespace footnote::generator
