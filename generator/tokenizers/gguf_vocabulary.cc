#include <algorithm>
#include <utility>

#include "generator/tokenizers/pretokenizer_steps.h"
#include "generator/tokenizers/sentencepiece_options.h"
#include "generator/weights/byte_cursor.h"

namespace footnote::generator {
namespace {

class Reader {
 public:
  explicit Reader(const WeightSource& source) : source_(source) {}

  StatusOr<Vocabulary> Read() {
    if (!source_.Has("tokenizer.ggml.model")) {
      return NotFoundError(source_.description() + " holds no tokenizer (tokenizer.ggml.model)");
    }
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.model, source_.GetString("tokenizer.ggml.model"));
    const auto read = vocabulary_.model == "gpt2"     ? &Reader::ReadBpe
                      : vocabulary_.model == "llama"  ? &Reader::ReadSentencePiece
                      : vocabulary_.model == "t5"     ? &Reader::ReadUnigram
                      : vocabulary_.model == "gemma4" ? &Reader::ReadGemma4
                      : vocabulary_.model == "bert"   ? &Reader::ReadBert
                                                      : nullptr;
    if (read == nullptr) {
      return UnimplementedError(source_.description() + ": tokenizer " + Shown(vocabulary_.model) +
                                " is not supported; these are: " + SupportedTokenizers());
    }
    FOOTNOTE_RETURN_IF_ERROR(ReadTokens());
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.bos, Id("bos_token_id"));
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.unknown, Id("unknown_token_id"));
    FOOTNOTE_RETURN_IF_ERROR((this->*read)());
    FOOTNOTE_RETURN_IF_ERROR(ReadEnds());
    return std::move(vocabulary_);
  }

 private:
  static std::string Key(std::string_view name) { return "tokenizer.ggml." + std::string(name); }

  Status ReadTokens() {
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.tokens, source_.GetStrings(Key("tokens")));
    const size_t count = vocabulary_.tokens.size();
    if (count == 0)
      return DataLossError(source_.description() + ": tokenizer.ggml.tokens is empty");
    types_.assign(count, kNormalType);
    if (source_.Has(Key("token_type"))) {
      FOOTNOTE_ASSIGN_OR_RETURN(types_, source_.GetInts(Key("token_type")));
      FOOTNOTE_RETURN_IF_ERROR(CheckLength("token_type", types_.size()));
    }
    // Older converters wrote the tokens of turns as if they were text.
    for (size_t id = 0; id < count; ++id) {
      const std::string& token = vocabulary_.tokens[id];
      const bool marks_turn = token.size() > 4 && token.starts_with("<|") && token.ends_with("|>");
      if (types_[id] == kUserDefinedType && marks_turn) types_[id] = kControlType;
    }
    const Status status = UseTokenTypes(types_, vocabulary_);
    return status.ok() ? status : status.WithContext(source_.description());
  }

  Status CheckLength(std::string_view name, size_t length) const {
    if (length == vocabulary_.tokens.size()) return OkStatus();
    return DataLossError(source_.description() + ": " + Key(name) + " has " +
                         std::to_string(length) + " entries for " +
                         std::to_string(vocabulary_.tokens.size()) + " tokens");
  }

  StatusOr<std::optional<TokenId>> Id(std::string_view name) const {
    const std::string key = Key(name);
    if (!source_.Has(key)) return std::optional<TokenId>();
    FOOTNOTE_ASSIGN_OR_RETURN(const int64_t id, source_.GetInt(key));
    if (id < 0 || id >= static_cast<int64_t>(vocabulary_.tokens.size())) {
      return DataLossError(source_.description() + ": " + key + " is " + std::to_string(id) +
                           ", but there are " + std::to_string(vocabulary_.tokens.size()) +
                           " tokens");
    }
    return std::optional<TokenId>(static_cast<TokenId>(id));
  }

  std::optional<TokenId> ByText(std::string_view text) const {
    const auto found = std::find(vocabulary_.tokens.begin(), vocabulary_.tokens.end(), text);
    if (found == vocabulary_.tokens.end()) return std::nullopt;
    return static_cast<TokenId>(found - vocabulary_.tokens.begin());
  }

  Status ReadBpe() {
    if (!source_.Has(Key("pre"))) {
      return UnimplementedError(source_.description() +
                                " names no pre-tokenizer (tokenizer.ggml.pre), and guessing one "
                                "gives wrong tokens; convert the model again");
    }
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string pre, source_.GetString(Key("pre")));
    StatusOr<NamedPreTokenizer> found = PreTokenizerByName(pre);
    if (!found.ok()) return found.status().WithContext(source_.description());
    vocabulary_.pre_tokenizer = std::move(found->pre_tokenizer);
    vocabulary_.pre_tokenizer_name = std::move(found->name);
    if (found->nfc) vocabulary_.normalizer = Normalizer({NfcStep()});
    vocabulary_.decoder = Decoder({{.kind = Decoder::Step::Kind::kByteLevel}});
    // Files do not say these two things.
    const bool llama3 = pre == "llama-bpe";
    vocabulary_.ignore_merges = llama3 || pre == "tekken";
    vocabulary_.unknown.reset();  // every byte is a token or nothing

    FOOTNOTE_RETURN_IF_ERROR(ReadMerges());
    return ReadSurroundings(/*add_bos_default=*/llama3 || pre == "tekken");
  }

  Status ReadMerges() {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::string> merges,
                              source_.GetStrings(Key("merges")));
    vocabulary_.merges.reserve(merges.size());
    for (const std::string& merge : merges) {
      const size_t space = merge.find(' ', 1);
      if (merge.empty() || space == std::string::npos) {
        return DataLossError(source_.description() + ": tokenizer.ggml.merges holds " +
                             Shown(merge) + ", which is no pair");
      }
      vocabulary_.merges.emplace_back(merge.substr(0, space), merge.substr(space + 1));
    }
    return OkStatus();
  }

  Status ReadScores() {
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.scores, source_.GetFloats(Key("scores")));
    return CheckLength("scores", vocabulary_.scores.size());
  }

  Status ReadSentencePiece() {
    FOOTNOTE_RETURN_IF_ERROR(ReadScores());
    SentencePieceOptions options;
    FOOTNOTE_ASSIGN_OR_RETURN(options.add_space_prefix,
                              source_.GetBoolOr(Key("add_space_prefix"), true));
    UseSentencePiece(std::move(options), vocabulary_);
    return ReadSurroundings(/*add_bos_default=*/true);
  }

  Status ReadUnigram() {
    FOOTNOTE_RETURN_IF_ERROR(ReadScores());
    SentencePieceOptions options;
    options.split_at_marks = true;
    if (source_.Has(Key("precompiled_charsmap"))) {
      FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<int64_t> map,
                                source_.GetInts(Key("precompiled_charsmap")));
      std::string bytes;
      for (const int64_t byte : map) bytes.push_back(static_cast<char>(byte));
      StatusOr<CharacterMap> parsed = CharacterMap::Parse(bytes);
      if (!parsed.ok()) return parsed.status().WithContext(source_.description());
      options.character_map = std::move(parsed).value();
    }
    FOOTNOTE_ASSIGN_OR_RETURN(options.remove_extra_spaces,
                              source_.GetBoolOr(Key("remove_extra_whitespaces"), false));
    FOOTNOTE_ASSIGN_OR_RETURN(options.add_space_prefix,
                              source_.GetBoolOr(Key("add_space_prefix"), true));
    UseSentencePiece(std::move(options), vocabulary_);
    return ReadSurroundings(/*add_bos_default=*/false);
  }

  // BPE with ranks, of characters, with SentencePiece's mark for spaces: words end at line breaks.
  Status ReadGemma4() {
    FOOTNOTE_RETURN_IF_ERROR(ReadMerges());
    SentencePieceOptions options;
    FOOTNOTE_ASSIGN_OR_RETURN(options.add_space_prefix,
                              source_.GetBoolOr(Key("add_space_prefix"), false));
    UseSentencePiece(std::move(options), vocabulary_);
    return ReadSurroundings(/*add_bos_default=*/true);
  }

  // What goes around a text.
  Status ReadSurroundings(bool add_bos_default) {
    FOOTNOTE_ASSIGN_OR_RETURN(const bool add_bos,
                              source_.GetBoolOr(Key("add_bos_token"), add_bos_default));
    if (add_bos && vocabulary_.bos.has_value()) vocabulary_.prefix = {*vocabulary_.bos};
    FOOTNOTE_ASSIGN_OR_RETURN(const bool add_eos, source_.GetBoolOr(Key("add_eos_token"), false));
    FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<TokenId> eos, Id("eos_token_id"));
    if (add_eos && eos.has_value()) vocabulary_.suffix = {*eos};
    return OkStatus();
  }

  // GGUF's WordPiece marks the beginning of a word where BERT marks its continuation.
  Status ReadBert() {
    // A file does not say whether letters keep their case. If they do, tokens have capitals.
    BertOptions options;
    for (size_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      const std::string& token = vocabulary_.tokens[id];
      const bool capitals =
          std::any_of(token.begin(), token.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
      if (capitals && !vocabulary_.control[id] && !token.starts_with('[')) {
        options.lowercase = options.strip_accents = false;
        break;
      }
    }
    vocabulary_.normalizer = Normalizer({BertNormalizerStep(options)});
    vocabulary_.pre_tokenizer = PreTokenizer({BertStep()});
    vocabulary_.decoder = Decoder({{.kind = Decoder::Step::Kind::kWordPiece,
                                    .from = vocabulary_.continuing_prefix,
                                    .flag = true}});
    for (size_t id = 0; id < vocabulary_.tokens.size(); ++id) {
      std::string& token = vocabulary_.tokens[id];
      if (vocabulary_.control[id]) continue;
      if (token.starts_with(kSpaceMark)) {
        token.erase(0, kSpaceMark.size());
      } else {
        token.insert(0, vocabulary_.continuing_prefix);
      }
    }
    // The specification writes "seperator".
    const auto special = [&](std::initializer_list<std::string_view> names,
                             std::string_view text) -> StatusOr<std::optional<TokenId>> {
      for (const std::string_view name : names) {
        FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<TokenId> id, Id(name));
        if (id.has_value()) return id;
      }
      return ByText(text);
    };
    FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<TokenId> cls,
                              special({"cls_token_id", "bos_token_id"}, "[CLS]"));
    FOOTNOTE_ASSIGN_OR_RETURN(
        const std::optional<TokenId> sep,
        special({"seperator_token_id", "separator_token_id", "eos_token_id"}, "[SEP]"));
    FOOTNOTE_ASSIGN_OR_RETURN(vocabulary_.unknown, special({"unknown_token_id"}, "[UNK]"));
    if (!cls.has_value() || !sep.has_value()) {
      return DataLossError(source_.description() +
                           ": the BERT vocabulary names no [CLS] or no [SEP] token");
    }
    vocabulary_.prefix = {*cls};
    vocabulary_.suffix = {*sep};
    vocabulary_.bos = cls;
    return OkStatus();
  }

  Status ReadEnds() {
    if (vocabulary_.model == "bert") return OkStatus();
    std::vector<TokenId>& ends = vocabulary_.end_of_generation;
    for (const char* name : {"eos_token_id", "eot_token_id", "eom_token_id"}) {
      FOOTNOTE_ASSIGN_OR_RETURN(const std::optional<TokenId> id, Id(name));
      if (id.has_value()) ends.push_back(*id);
    }
    for (const AddedToken& token : vocabulary_.added) {
      if (token.special && EndsGeneration(token.text)) ends.push_back(token.id);
    }
    std::sort(ends.begin(), ends.end());
    ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
    return OkStatus();
  }

  const WeightSource& source_;
  Vocabulary vocabulary_;
  std::vector<int64_t> types_;  // by id
};

}  // namespace

StatusOr<Vocabulary> ReadGgufVocabulary(const WeightSource& source) {
  return Reader(source).Read();
}

}  // namespace footnote::generator
