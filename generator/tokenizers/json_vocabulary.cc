#include <algorithm>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "generator/tokenizers/json_step.h"
#include "generator/tokenizers/vocabulary.h"
#include "generator/weights/byte_cursor.h"
#include "generator/weights/hugging_face.h"

namespace footnote::generator {
namespace {

using nlohmann::json;

// A vocabulary of sixteen million tokens is none. Ids size tables: they may leave gaps, but a small
// file cannot ask for a large table.
constexpr int64_t kMostTokens = int64_t{1} << 24;
constexpr int64_t kWidestGap = 1 << 16;

class Reader {
 public:
  explicit Reader(const std::filesystem::path& path) : path_(path) {}

  StatusOr<Vocabulary> Read() {
    FOOTNOTE_ASSIGN_OR_RETURN(file_, ReadJsonObject(path_));
    Status status = ReadAll();
    if (!status.ok()) return status.WithContext(path_.string());
    return std::move(vocabulary_);
  }

 private:
  Status ReadAll() {
    const json& model = JsonMember(file_, "model");
    std::string type = JsonText(model, "type");
    // Files of before 2021 leave the type of BPE out.
    if (type.empty() && model.is_object() && model.contains("merges")) type = "BPE";
    const std::optional<std::string> name = TokenizerOfJsonModel(type);
    if (!name.has_value()) {
      return UnimplementedError("tokenizer model " + Shown(type) +
                                " is not supported; these are: " + SupportedTokenizers());
    }
    vocabulary_.model = *name;
    const size_t entries =
        JsonMember(model, "vocab").size() + JsonMember(file_, "added_tokens").size();
    most_ids_ = std::min(kMostTokens, 4 * static_cast<int64_t>(entries) + kWidestGap);
    FOOTNOTE_RETURN_IF_ERROR(type == "Unigram" ? ReadPieces(model)
                                               : ReadTokens(JsonMember(model, "vocab")));
    FOOTNOTE_RETURN_IF_ERROR(ReadAddedTokens(JsonMember(file_, "added_tokens")));
    if (const std::string unknown = JsonText(model, "unk_token"); !unknown.empty()) {
      vocabulary_.unknown = ByText(unknown);
      if (!vocabulary_.unknown.has_value()) {
        return DataLossError("the unknown token " + Shown(unknown) + " is no token");
      }
    }
    vocabulary_.byte_fallback = JsonFlag(model, "byte_fallback", false);
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.normalizer,
                              Normalizer::FromJson(JsonMember(file_, "normalizer")));
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.pre_tokenizer,
                              PreTokenizer::FromJson(JsonMember(file_, "pre_tokenizer")));
    if (type == "BPE") {
      FOOTNOTE_RETURN_IF_ERROR(ReadBpe(model));
    } else if (vocabulary_.pre_tokenizer.to_bytes()) {
      return UnimplementedError("a ByteLevel pre-tokenizer before " + type + " is not supported");
    }
    if (type == "WordPiece") ReadWordPiece(model);
    FOOTNOTE_RETURN_IF_ERROR(ReadDecoder());
    FOOTNOTE_RETURN_IF_ERROR(ReadPostProcessor(JsonMember(file_, "post_processor")));
    return ReadNeighbours(path_.parent_path(), vocabulary_);
  }

  Status ReadId(const json& value, std::string_view what, TokenId& out) const {
    if (!value.is_number_integer() || value.get<int64_t>() < 0 ||
        value.get<int64_t>() >= most_ids_) {
      return DataLossError("the id of " + Shown(what) + " is no number below " +
                           std::to_string(most_ids_));
    }
    out = static_cast<TokenId>(value.get<int64_t>());
    return OkStatus();
  }

  void Place(TokenId id, std::string text) {
    const auto index = static_cast<size_t>(id);
    if (index >= vocabulary_.tokens.size()) {
      vocabulary_.tokens.resize(index + 1);
      vocabulary_.control.resize(index + 1);
    }
    vocabulary_.tokens[index] = std::move(text);
  }

  Status ReadTokens(const json& tokens) {
    if (!tokens.is_object() || tokens.empty()) {
      return DataLossError("model.vocab is no table of tokens");
    }
    for (const auto& [token, value] : tokens.items()) {
      TokenId id = 0;
      FOOTNOTE_RETURN_IF_ERROR(ReadId(value, token, id));
      Place(id, token);
      ids_.emplace(token, id);
    }
    return OkStatus();
  }

  // A unigram model's list of pieces and scores; the place is the id.
  Status ReadPieces(const json& model) {
    const json& pieces = JsonMember(model, "vocab");
    if (!pieces.is_array() || pieces.empty()) {
      return DataLossError("model.vocab is no list of pieces and scores");
    }
    for (const json& piece : pieces) {
      if (!piece.is_array() || piece.size() != 2 || !piece[0].is_string() ||
          !piece[1].is_number() || ids_.size() > static_cast<size_t>(kMostTokens)) {
        return DataLossError("model.vocab holds " +
                             Shown(piece.dump(-1, ' ', false, json::error_handler_t::replace)) +
                             ", which is no piece with a score");
      }
      const auto id = static_cast<TokenId>(vocabulary_.scores.size());
      Place(id, JsonText(piece[0]));
      ids_.emplace(JsonText(piece[0]), id);
      vocabulary_.scores.push_back(piece[1].get<double>());
    }
    vocabulary_.mergeable.assign(vocabulary_.scores.size(), true);
    const json& unknown = JsonMember(model, "unk_id");
    if (unknown.is_null()) return OkStatus();
    TokenId id = 0;
    FOOTNOTE_RETURN_IF_ERROR(ReadId(unknown, "the unknown token", id));
    vocabulary_.unknown = id;
    return CheckKnown(id);
  }

  Status ReadAddedTokens(const json& tokens) {
    if (tokens.is_null()) return OkStatus();
    if (!tokens.is_array()) return DataLossError("added_tokens is no list");
    for (const json& entry : tokens) {
      AddedToken token;
      token.text = JsonText(entry, "content");
      FOOTNOTE_RETURN_IF_ERROR(ReadId(JsonMember(entry, "id"), token.text, token.id));
      token.special = JsonFlag(entry, "special", false);
      token.lstrip = JsonFlag(entry, "lstrip", false);
      token.rstrip = JsonFlag(entry, "rstrip", false);
      token.single_word = JsonFlag(entry, "single_word", false);
      token.normalized = JsonFlag(entry, "normalized", !token.special);
      Place(token.id, token.text);
      vocabulary_.control[static_cast<size_t>(token.id)] = token.special;
      ids_[token.text] = token.id;
      vocabulary_.added.push_back(std::move(token));
    }
    // Text never becomes a control token by being cut into pieces, nor the unknown one.
    if (!vocabulary_.scores.empty()) {
      vocabulary_.scores.resize(vocabulary_.tokens.size());
      vocabulary_.mergeable.resize(vocabulary_.tokens.size());
      for (size_t id = 0; id < vocabulary_.tokens.size(); ++id) {
        if (vocabulary_.control[id]) vocabulary_.mergeable[id] = false;
      }
      if (vocabulary_.unknown.has_value()) {
        vocabulary_.mergeable[static_cast<size_t>(*vocabulary_.unknown)] = false;
      }
    }
    return OkStatus();
  }

  std::optional<TokenId> ByText(const std::string& text) const {
    const auto found = ids_.find(text);
    return found == ids_.end() ? std::nullopt : std::optional<TokenId>(found->second);
  }

  Status ReadBpe(const json& model) {
    for (const char* option : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!JsonText(model, option).empty()) {
        return UnimplementedError("BPE with " + std::string(option) + " is not supported");
      }
    }
    if (const json& dropout = JsonMember(model, "dropout");
        dropout.is_number() && dropout.get<double>() > 0) {
      return UnimplementedError(
          "BPE with dropout gives other tokens each time and is not supported");
    }
    vocabulary_.ignore_merges = JsonFlag(model, "ignore_merges", false);
    vocabulary_.fuse_unknown = JsonFlag(model, "fuse_unk", false);
    const json& merges = JsonMember(model, "merges");
    if (!merges.is_array()) return DataLossError("model.merges is no list");
    for (const json& merge : merges) {
      std::pair<std::string, std::string> pair;
      if (merge.is_array() && merge.size() == 2) {
        pair = {JsonText(merge[0]), JsonText(merge[1])};
      } else if (const std::string text = JsonText(merge); !text.empty()) {
        const size_t space = text.find(' ');
        if (space != std::string::npos) pair = {text.substr(0, space), text.substr(space + 1)};
      }
      if (pair.first.empty() || pair.second.empty()) {
        return DataLossError("model.merges holds " +
                             Shown(merge.dump(-1, ' ', false, json::error_handler_t::replace)) +
                             ", which is no pair");
      }
      vocabulary_.merges.push_back(std::move(pair));
    }

    vocabulary_.pre_tokenizer_name = NameOf(vocabulary_.pre_tokenizer);
    return OkStatus();
  }

  void ReadWordPiece(const json& model) {
    if (const std::string prefix = JsonText(model, "continuing_subword_prefix"); !prefix.empty()) {
      vocabulary_.continuing_prefix = prefix;
    }
    const json& longest = JsonMember(model, "max_input_chars_per_word");
    if (longest.is_number_unsigned()) vocabulary_.longest_word = longest.get<size_t>();
  }

  // The file's decoder; without one, what makes text of the model's tokens.
  Status ReadDecoder() {
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.decoder, Decoder::FromJson(JsonMember(file_, "decoder")));
    if (!vocabulary_.decoder.empty()) return OkStatus();
    using Kind = Decoder::Step::Kind;
    std::vector<Decoder::Step> steps;
    if (vocabulary_.model == "bert") {
      steps.push_back(
          {.kind = Kind::kWordPiece, .from = vocabulary_.continuing_prefix, .flag = true});
    } else if (vocabulary_.pre_tokenizer.to_bytes()) {
      steps.push_back({.kind = Kind::kByteLevel});
    } else {
      steps.push_back({.kind = Kind::kReplace, .from = std::string(kSpaceMark), .to = " "});
      steps.push_back({.kind = Kind::kByteFallback});
    }
    vocabulary_.decoder = Decoder(std::move(steps));
    return OkStatus();
  }

  Status ReadPostProcessor(const json& processor) {
    for (const json* step : JsonSteps(processor, "processors")) {
      const std::string type = JsonText(*step, "type");
      if (type == "TemplateProcessing") {
        FOOTNOTE_RETURN_IF_ERROR(ReadTemplate(*step));
      } else if (type == "BertProcessing" || type == "RobertaProcessing") {
        std::vector<TokenId> prefix;
        FOOTNOTE_RETURN_IF_ERROR(ReadPair(JsonMember(*step, "cls"), prefix));
        FOOTNOTE_RETURN_IF_ERROR(ReadPair(JsonMember(*step, "sep"), vocabulary_.suffix));
        Surround(std::move(prefix));
      } else if (type != "ByteLevel") {  // which moves offsets only
        return UnimplementedError("post-processor " + Shown(type) + " is not supported");
      }
    }
    return OkStatus();
  }

  // What a later processor puts around a text stands around what earlier ones did.
  void Surround(std::vector<TokenId> prefix) {
    prefix.insert(prefix.end(), vocabulary_.prefix.begin(), vocabulary_.prefix.end());
    vocabulary_.prefix = std::move(prefix);
  }

  Status ReadPair(const json& pair, std::vector<TokenId>& out) const {
    if (!pair.is_array() || pair.size() != 2) {
      return DataLossError("the post-processor's cls or sep is no pair of text and id");
    }
    TokenId id = 0;
    FOOTNOTE_RETURN_IF_ERROR(ReadId(pair[1], JsonText(pair[0]), id));
    out.push_back(id);
    return CheckKnown(id);
  }

  Status CheckKnown(TokenId id) const {
    if (static_cast<size_t>(id) < vocabulary_.tokens.size()) return OkStatus();
    return DataLossError("id " + std::to_string(id) + " is no token");
  }

  Status ReadTemplate(const json& step) {
    bool after_text = false;
    std::vector<TokenId> prefix;
    for (const json& part : JsonMember(step, "single")) {
      if (!JsonMember(part, "Sequence").is_null()) {
        after_text = true;
        continue;
      }
      const std::string name = JsonText(JsonMember(part, "SpecialToken"), "id");
      const json& ids =
          JsonMember(JsonMember(JsonMember(step, "special_tokens"), name.c_str()), "ids");
      if (!ids.is_array()) {
        return DataLossError("the post-processor's template names " + Shown(name) +
                             ", which is none of its special tokens");
      }
      for (const json& value : ids) {
        TokenId id = 0;
        FOOTNOTE_RETURN_IF_ERROR(ReadId(value, name, id));
        FOOTNOTE_RETURN_IF_ERROR(CheckKnown(id));
        (after_text ? vocabulary_.suffix : prefix).push_back(id);
      }
    }
    Surround(std::move(prefix));
    return OkStatus();
  }

  const std::filesystem::path& path_;
  json file_;
  Vocabulary vocabulary_;
  std::unordered_map<std::string, TokenId> ids_;
  int64_t most_ids_ = kMostTokens;
};

}  // namespace

StatusOr<Vocabulary> ReadJsonVocabulary(const std::filesystem::path& path) {
  return Reader(path).Read();
}

}  // namespace footnote::generator
