#include "generator/runtime/pair_template.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>
#include <utility>

#include "common/file.h"

namespace footnote::generator {
namespace {

using nlohmann::json;
using Kind = PairTemplate::Piece::Kind;

constexpr size_t kMostBytes = size_t{1} << 28;

PairTemplate Joined(TokenId begin, TokenId end, int separators, int32_t second_type) {
  PairTemplate joined;
  joined.pieces = {{Kind::kSpecial, begin, 0}, {Kind::kFirstText, 0, 0}};
  for (int i = 0; i < separators; ++i) joined.pieces.push_back({Kind::kSpecial, end, 0});
  joined.pieces.push_back({Kind::kSecondText, 0, second_type});
  joined.pieces.push_back({Kind::kSpecial, end, second_type});
  return joined;
}

// The value of `key` in an object, or null.
const json& At(const json& object, const char* key) {
  static const json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

bool ReadId(const json& value, const Tokenizer& tokenizer, TokenId& id) {
  if (!value.is_number_integer()) return false;
  const auto number = value.get<int64_t>();
  if (number < 0 || number >= tokenizer.vocabulary_size()) return false;
  id = static_cast<TokenId>(number);
  return true;
}

int32_t TypeOf(const json& piece) {
  const json& type = At(piece, "type_id");
  return type.is_number_integer()
             ? static_cast<int32_t>(std::clamp<int64_t>(type.get<int64_t>(), 0, 1 << 20))
             : 0;
}

// {"pair": [{"SpecialToken": {"id", "type_id"}}, {"Sequence": {"id": "A", "type_id"}}, …],
// "special_tokens": {"[CLS]": {"ids": [101]}}}
bool ReadTemplate(const json& processor, const Tokenizer& tokenizer, PairTemplate& read) {
  for (const json& item : At(processor, "pair")) {
    if (const json& text = At(item, "Sequence"); text.is_object()) {
      const json& name = At(text, "id");
      if (name != "A" && name != "B") return false;
      read.pieces.push_back({name == "A" ? Kind::kFirstText : Kind::kSecondText, 0, TypeOf(text)});
      continue;
    }
    const json& special = At(item, "SpecialToken");
    const json& name = At(special, "id");
    if (!name.is_string()) return false;
    const json& ids =
        At(At(At(processor, "special_tokens"), name.get_ref<const std::string&>().c_str()), "ids");
    if (!ids.is_array()) return false;
    for (const json& each : ids) {
      PairTemplate::Piece piece{Kind::kSpecial, 0, TypeOf(special)};
      if (!ReadId(each, tokenizer, piece.id)) return false;
      read.pieces.push_back(piece);
    }
  }
  const auto count = [&](Kind kind) {
    return std::ranges::count_if(read.pieces, [&](const auto& p) { return p.kind == kind; });
  };
  return count(Kind::kFirstText) == 1 && count(Kind::kSecondText) == 1;
}

// Null: it puts nothing around texts.
const json* JoiningProcessor(const json& processor) {
  const json& type = At(processor, "type");
  if (type == "Sequence") {
    for (const json& each : At(processor, "processors")) {
      if (const json* found = JoiningProcessor(each); found != nullptr) return found;
    }
    return nullptr;
  }
  return type == "TemplateProcessing" || type == "BertProcessing" || type == "RobertaProcessing"
             ? &processor
             : nullptr;
}

StatusOr<PairTemplate> FromTokenizerJson(const std::filesystem::path& file,
                                         const Tokenizer& tokenizer) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string text, ReadFile(file, kMostBytes));
  const json whole = json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!whole.is_object()) return DataLossError(file.string() + " is not a JSON object");
  const json* processor = JoiningProcessor(At(whole, "post_processor"));
  if (processor == nullptr) {
    return UnimplementedError(file.string() +
                              ": the post-processor puts no special tokens around a pair of texts; "
                              "only TemplateProcessing, BertProcessing and RobertaProcessing are "
                              "supported");
  }
  PairTemplate read;
  const json& type = At(*processor, "type");
  if (type == "TemplateProcessing") {
    if (ReadTemplate(*processor, tokenizer, read)) return read;
  } else {
    const json& begin = At(*processor, "cls");
    const json& end = At(*processor, "sep");
    TokenId begin_id = 0, end_id = 0;
    if (begin.is_array() && begin.size() == 2 && end.is_array() && end.size() == 2 &&
        ReadId(begin[1], tokenizer, begin_id) && ReadId(end[1], tokenizer, end_id)) {
      return type == "BertProcessing" ? Joined(begin_id, end_id, 1, 1)
                                      : Joined(begin_id, end_id, 2, 0);
    }
  }
  return DataLossError(file.string() + ": the post-processor's pair of texts is damaged");
}

}  // namespace

size_t PairTemplate::special_tokens() const {
  return static_cast<size_t>(std::ranges::count_if(
      pieces, [](const Piece& piece) { return piece.kind == Kind::kSpecial; }));
}

StatusOr<PairTemplate> ReadPairTemplate(const std::filesystem::path& model,
                                        const Tokenizer& tokenizer) {
  const std::filesystem::path file = model / "tokenizer.json";
  std::error_code error;
  if (std::filesystem::exists(file, error)) return FromTokenizerJson(file, tokenizer);
  const std::vector<TokenId> around = tokenizer.Encode("", {});
  if (around.size() != 2) {
    return UnimplementedError(model.string() + ": the tokenizer puts " +
                              std::to_string(around.size()) +
                              " tokens around a text; only one before and one behind it, such as "
                              "[CLS] text [SEP], are supported");
  }
  const bool bert = tokenizer.name() == "bert";
  return Joined(around[0], around[1], bert ? 1 : 2, bert ? 1 : 0);
}

}  // namespace footnote::generator
