// What the files beside a tokenizer say about its tokens.
#include <algorithm>
#include <unordered_map>

#include "generator/tokenizers/json_step.h"
#include "generator/tokenizers/vocabulary.h"
#include "generator/weights/byte_cursor.h"
#include "generator/weights/hugging_face.h"

namespace footnote::generator {
namespace {

using nlohmann::json;

// The file as an object; an empty one when there is no such file.
StatusOr<json> Optional(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error)) return json::object();
  return ReadJsonObject(path);
}

// Adds the ids that `value` holds: one, a list, or none. `what` is for messages.
Status AddIds(const json& value, const std::string& what, Vocabulary& vocabulary) {
  const auto add = [&](const json& id) -> Status {
    if (!id.is_number_integer() || id.get<int64_t>() < 0 ||
        id.get<int64_t>() >= static_cast<int64_t>(vocabulary.tokens.size())) {
      return DataLossError(what + " holds " +
                           Shown(id.dump(-1, ' ', false, json::error_handler_t::replace)) +
                           ", which is the id of no token");
    }
    vocabulary.end_of_generation.push_back(static_cast<TokenId>(id.get<int64_t>()));
    return OkStatus();
  };
  if (value.is_null()) return OkStatus();
  if (!value.is_array()) return add(value);
  for (const json& id : value) FOOTNOTE_RETURN_IF_ERROR(add(id));
  return OkStatus();
}

}  // namespace

Status ReadNeighbours(const std::filesystem::path& folder, Vocabulary& vocabulary) {
  FOOTNOTE_ASSIGN_OR_RETURN(const json tokenizer, Optional(folder / "tokenizer_config.json"));
  std::unordered_map<std::string_view, TokenId> by_text;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    by_text.emplace(vocabulary.tokens[id], static_cast<TokenId>(id));
  }
  // A token is named by its text, or by an object with its content.
  const auto named = [&](const char* key) -> std::optional<TokenId> {
    const json& value = JsonMember(tokenizer, key);
    const std::string text = value.is_object() ? JsonText(value, "content") : JsonText(value);
    const auto found = by_text.find(text);
    return text.empty() || found == by_text.end() ? std::nullopt : std::optional(found->second);
  };
  if (const std::optional<TokenId> bos = named("bos_token")) vocabulary.bos = bos;
  if (!vocabulary.bos.has_value() && !vocabulary.prefix.empty()) {
    vocabulary.bos = vocabulary.prefix.front();
  }
  if (vocabulary.model == "bert") return OkStatus();

  std::vector<TokenId>& ends = vocabulary.end_of_generation;
  FOOTNOTE_ASSIGN_OR_RETURN(const json generation, Optional(folder / "generation_config.json"));
  FOOTNOTE_RETURN_IF_ERROR(AddIds(JsonMember(generation, "eos_token_id"),
                                  "generation_config.json's eos_token_id", vocabulary));
  // A chat's tokenizer ends turns with another token than its base model ended texts with.
  if (const std::optional<TokenId> eos = named("eos_token")) ends.push_back(*eos);
  if (ends.empty()) {
    // A cross-encoder's or a weightless folder's config.json may be about something else.
    FOOTNOTE_ASSIGN_OR_RETURN(const json model, Optional(folder / "config.json"));
    FOOTNOTE_RETURN_IF_ERROR(
        AddIds(JsonMember(model, "eos_token_id"), "config.json's eos_token_id", vocabulary));
  }
  if (JsonMember(generation, "eos_token_id").is_null()) {
    for (const AddedToken& token : vocabulary.added) {
      if (token.special && EndsGeneration(token.text)) ends.push_back(token.id);
    }
  }
  std::sort(ends.begin(), ends.end());
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  return OkStatus();
}

}  // namespace footnote::generator
