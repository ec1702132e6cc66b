#include <algorithm>
#include <unordered_map>
#include <utility>

#include <nlohmann/json.hpp>

#include "generator/tokenizers/vocabulary.h"
#include "generator/weights/byte_cursor.h"
#include "generator/weights/hugging_face.h"

namespace footnote::generator {
namespace {

using nlohmann::json;

// A vocabulary of sixteen million tokens is none; ids size tables.
constexpr int64_t kMostTokens = int64_t{1} << 24;

// A Sequence in a Sequence is rare; a deeper one is a step of an unknown type.
constexpr int kDeepestSequence = 4;

const json kAbsent;

// The member, or null. Nothing of a file's shape is taken for granted.
const json& At(const json& object, const char* key) {
  if (!object.is_object()) return kAbsent;
  const auto found = object.find(key);
  return found == object.end() ? kAbsent : *found;
}

std::string Text(const json& value) {
  return value.is_string() ? value.get<std::string>() : std::string();
}

std::string TypeOf(const json& step) { return Text(At(step, "type")); }

bool Flag(const json& object, const char* key, bool absent) {
  const json& value = At(object, key);
  return value.is_boolean() ? value.get<bool>() : absent;
}

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
    const json& model = At(file_, "model");
    std::string type = TypeOf(model);
    // Files of before 2021 leave the type of BPE out.
    if (type.empty() && model.is_object() && model.contains("merges")) type = "BPE";
    const std::optional<std::string> name = TokenizerOfJsonModel(type);
    if (!name.has_value()) {
      return UnimplementedError("tokenizer model " + Shown(type) +
                                " is not supported; these are: " + SupportedTokenizers());
    }
    vocabulary_.model = *name;
    FOOTNOTE_RETURN_IF_ERROR(ReadTokens(At(model, "vocab")));
    FOOTNOTE_RETURN_IF_ERROR(ReadAddedTokens(At(file_, "added_tokens")));
    if (const std::string unknown = Text(At(model, "unk_token")); !unknown.empty()) {
      vocabulary_.unknown = ByText(unknown);
      if (!vocabulary_.unknown.has_value()) {
        return DataLossError("the unknown token " + Shown(unknown) + " is no token");
      }
    }
    FOOTNOTE_RETURN_IF_ERROR(type == "BPE" ? ReadBpe(model) : ReadWordPiece(model));
    FOOTNOTE_RETURN_IF_ERROR(ReadPostProcessor(At(file_, "post_processor")));
    return ReadNeighbours();
  }

  Status ReadId(const json& value, std::string_view what, TokenId& out) const {
    if (!value.is_number_integer() || value.get<int64_t>() < 0 ||
        value.get<int64_t>() >= kMostTokens) {
      return DataLossError("the id of " + Shown(what) + " is no number below 2^24");
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

  Status ReadAddedTokens(const json& tokens) {
    if (tokens.is_null()) return OkStatus();
    if (!tokens.is_array()) return DataLossError("added_tokens is no list");
    for (const json& entry : tokens) {
      AddedToken token;
      token.text = Text(At(entry, "content"));
      FOOTNOTE_RETURN_IF_ERROR(ReadId(At(entry, "id"), token.text, token.id));
      token.special = Flag(entry, "special", false);
      token.lstrip = Flag(entry, "lstrip", false);
      token.rstrip = Flag(entry, "rstrip", false);
      token.single_word = Flag(entry, "single_word", false);
      token.normalized = Flag(entry, "normalized", !token.special);
      Place(token.id, token.text);
      vocabulary_.control[static_cast<size_t>(token.id)] = token.special;
      ids_[token.text] = token.id;
      vocabulary_.added.push_back(std::move(token));
    }
    return OkStatus();
  }

  std::optional<TokenId> ByText(const std::string& text) const {
    const auto found = ids_.find(text);
    return found == ids_.end() ? std::nullopt : std::optional<TokenId>(found->second);
  }

  // Steps of a Sequence, or the one step there is.
  static std::vector<const json*> Steps(const json& step, const char* members, int depth = 0) {
    std::vector<const json*> steps;
    if (TypeOf(step) == "Sequence" && depth < kDeepestSequence) {
      for (const json& inner : At(step, members)) {
        for (const json* innermost : Steps(inner, members, depth + 1)) steps.push_back(innermost);
      }
    } else if (!step.is_null()) {
      steps.push_back(&step);
    }
    return steps;
  }

  Status ReadBpe(const json& model) {
    for (const char* option : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (!Text(At(model, option)).empty()) {
        return UnimplementedError("BPE with " + std::string(option) + " is not supported");
      }
    }
    if (Flag(model, "byte_fallback", false)) {
      return UnimplementedError("BPE with byte_fallback (SentencePiece) is not supported");
    }
    vocabulary_.ignore_merges = Flag(model, "ignore_merges", false);
    vocabulary_.fuse_unknown = Flag(model, "fuse_unk", false);
    const json& merges = At(model, "merges");
    if (!merges.is_array()) return DataLossError("model.merges is no list");
    for (const json& merge : merges) {
      std::pair<std::string, std::string> pair;
      if (merge.is_array() && merge.size() == 2) {
        pair = {Text(merge[0]), Text(merge[1])};
      } else if (const std::string text = Text(merge); !text.empty()) {
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

    std::string steps;
    for (const json* step : Steps(At(file_, "pre_tokenizer"), "pretokenizers")) {
      if (!steps.empty()) steps += " | ";
      steps += DescribeStep(*step);
    }
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.pre_tokenizer, PreTokenizerBySteps(steps));
    vocabulary_.pre_tokenizer.nfc = false;
    for (const json* step : Steps(At(file_, "normalizer"), "normalizers")) {
      if (TypeOf(*step) != "NFC") {
        return UnimplementedError("normalizer " + Shown(TypeOf(*step)) +
                                  " before BPE is not supported");
      }
      vocabulary_.pre_tokenizer.nfc = true;
    }
    return OkStatus();
  }

  // A pre-tokenizer's step as pretokenizers.def writes it.
  static std::string DescribeStep(const json& step) {
    const std::string type = TypeOf(step);
    if (type == "ByteLevel") {
      return std::string(Flag(step, "use_regex", true) ? "ByteLevel" : "Bytes") +
             (Flag(step, "add_prefix_space", true) ? "(add_prefix_space)" : "");
    }
    if (type == "Digits") {
      return Flag(step, "individual_digits", false) ? "Digits" : "Digits(together)";
    }
    if (type == "Split") {
      // "Removed" of what does not match is "Isolated" of what does: the patterns match everything.
      const std::string behavior = Text(At(step, "behavior"));
      const bool invert = Flag(step, "invert", false);
      const std::string regex = Text(At(At(step, "pattern"), "Regex"));
      if ((behavior == "Isolated" && !invert) || (behavior == "Removed" && invert)) {
        return "Split(" + regex + ")";
      }
      return "Split " + behavior + "(" + regex + ")";
    }
    return type;
  }

  Status ReadWordPiece(const json& model) {
    if (const std::string prefix = Text(At(model, "continuing_subword_prefix")); !prefix.empty()) {
      vocabulary_.continuing_prefix = prefix;
    }
    if (const json& longest = At(model, "max_input_chars_per_word"); longest.is_number_unsigned()) {
      vocabulary_.longest_word = longest.get<size_t>();
    }
    const json& normalizer = At(file_, "normalizer");
    if (TypeOf(normalizer) != "BertNormalizer") {
      return UnimplementedError("normalizer " + Shown(TypeOf(normalizer)) +
                                " before WordPiece is not supported; BertNormalizer is");
    }
    if (const std::string type = TypeOf(At(file_, "pre_tokenizer")); type != "BertPreTokenizer") {
      return UnimplementedError("pre-tokenizer " + Shown(type) +
                                " before WordPiece is not supported; BertPreTokenizer is");
    }
    vocabulary_.clean_text = Flag(normalizer, "clean_text", true);
    vocabulary_.space_cjk = Flag(normalizer, "handle_chinese_chars", true);
    vocabulary_.lowercase = Flag(normalizer, "lowercase", true);
    vocabulary_.strip_accents = Flag(normalizer, "strip_accents", vocabulary_.lowercase);
    vocabulary_.decode_cleanup = Flag(At(file_, "decoder"), "cleanup", true);
    return OkStatus();
  }

  Status ReadPostProcessor(const json& processor) {
    for (const json* step : Steps(processor, "processors")) {
      const std::string type = TypeOf(*step);
      if (type == "TemplateProcessing") {
        FOOTNOTE_RETURN_IF_ERROR(ReadTemplate(*step));
      } else if (type == "BertProcessing" || type == "RobertaProcessing") {
        FOOTNOTE_RETURN_IF_ERROR(ReadPair(At(*step, "cls"), vocabulary_.prefix));
        FOOTNOTE_RETURN_IF_ERROR(ReadPair(At(*step, "sep"), vocabulary_.suffix));
      } else if (type != "ByteLevel") {  // which moves offsets only
        return UnimplementedError("post-processor " + Shown(type) + " is not supported");
      }
    }
    return OkStatus();
  }

  Status ReadPair(const json& pair, std::vector<TokenId>& out) const {
    if (!pair.is_array() || pair.size() != 2) {
      return DataLossError("the post-processor's cls or sep is no pair of text and id");
    }
    TokenId id = 0;
    FOOTNOTE_RETURN_IF_ERROR(ReadId(pair[1], Text(pair[0]), id));
    out.push_back(id);
    return CheckKnown(id);
  }

  Status CheckKnown(TokenId id) const {
    if (static_cast<size_t>(id) < vocabulary_.tokens.size()) return OkStatus();
    return DataLossError("id " + std::to_string(id) + " is no token");
  }

  Status ReadTemplate(const json& step) {
    bool after_text = false;
    for (const json& part : At(step, "single")) {
      if (!At(part, "Sequence").is_null()) {
        after_text = true;
        continue;
      }
      const std::string name = Text(At(At(part, "SpecialToken"), "id"));
      const json& ids = At(At(At(step, "special_tokens"), name.c_str()), "ids");
      if (!ids.is_array()) {
        return DataLossError("the post-processor's template names " + Shown(name) +
                             ", which is none of its special tokens");
      }
      for (const json& value : ids) {
        TokenId id = 0;
        FOOTNOTE_RETURN_IF_ERROR(ReadId(value, name, id));
        FOOTNOTE_RETURN_IF_ERROR(CheckKnown(id));
        (after_text ? vocabulary_.suffix : vocabulary_.prefix).push_back(id);
      }
    }
    return OkStatus();
  }

  // A token as tokenizer_config.json names it: text, or an object with its content.
  std::optional<TokenId> Named(const json& value) const {
    const std::string text = value.is_object() ? Text(At(value, "content")) : Text(value);
    return text.empty() ? std::nullopt : ByText(text);
  }

  // tokenizer_config.json and generation_config.json, which may be absent.
  Status ReadNeighbours() {
    const auto read = [&](const char* name) -> StatusOr<json> {
      const std::filesystem::path path = path_.parent_path() / name;
      std::error_code error;
      if (!std::filesystem::exists(path, error)) return json::object();
      return ReadJsonObject(path);
    };
    FOOTNOTE_ASSIGN_OR_RETURN(const json config, read("tokenizer_config.json"));
    FOOTNOTE_ASSIGN_OR_RETURN(const json generation, read("generation_config.json"));
    vocabulary_.bos = Named(At(config, "bos_token"));
    if (!vocabulary_.bos.has_value() && !vocabulary_.prefix.empty()) {
      vocabulary_.bos = vocabulary_.prefix.front();
    }
    if (vocabulary_.model == "bert") return OkStatus();

    std::vector<TokenId>& ends = vocabulary_.end_of_generation;
    const json& eos = At(generation, "eos_token_id");
    const auto add = [&](const json& value) -> Status {
      TokenId id = 0;
      FOOTNOTE_RETURN_IF_ERROR(ReadId(value, "generation_config.json's eos_token_id", id));
      ends.push_back(id);
      return CheckKnown(id);
    };
    if (eos.is_array()) {
      for (const json& value : eos) FOOTNOTE_RETURN_IF_ERROR(add(value));
    } else if (!eos.is_null()) {
      FOOTNOTE_RETURN_IF_ERROR(add(eos));
    } else {
      // Nothing says what ends a generation: the end of a text, and of a turn.
      if (const std::optional<TokenId> id = Named(At(config, "eos_token"))) ends.push_back(*id);
      for (const AddedToken& token : vocabulary_.added) {
        if (token.special && EndsGeneration(token.text)) ends.push_back(token.id);
      }
    }
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    return OkStatus();
  }

  const std::filesystem::path& path_;
  json file_;
  Vocabulary vocabulary_;
  std::unordered_map<std::string, TokenId> ids_;
};

}  // namespace

StatusOr<Vocabulary> ReadJsonVocabulary(const std::filesystem::path& path) {
  return Reader(path).Read();
}

}  // namespace footnote::generator
