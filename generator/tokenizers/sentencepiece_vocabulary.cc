// tokenizer.model: SentencePiece's ModelProto, a protocol buffer. Fields that matter:
//   1 a piece: 1 text, 2 score (float32), 3 type
//   2 the trainer's settings: 3 the kind of model, 24 whether marks end words
//   3 the normaliser's settings: 2 character map, 3 a mark before a text, 4 extra spaces go
// Source: sentencepiece_model.proto.
#include <cstring>
#include <utility>

#include "common/file.h"
#include "generator/tokenizers/json_step.h"
#include "generator/tokenizers/sentencepiece_options.h"
#include "generator/weights/byte_cursor.h"
#include "generator/weights/hugging_face.h"

namespace footnote::generator {
namespace {

using nlohmann::json;

struct Field {
  uint64_t number = 0;
  uint64_t value = 0;      // of a number
  std::string_view bytes;  // of a text or a message, and of a float
};

// A message's fields, one after another.
class Message {
 public:
  explicit Message(std::string_view bytes) : rest_(bytes) {}
  bool done() const { return rest_.empty(); }

  // Errors: DATA_LOSS when the bytes are no field.
  StatusOr<Field> Next() {
    FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t key, Number());
    Field field;
    field.number = key >> 3;
    switch (key & 7) {
      case 0: {
        FOOTNOTE_ASSIGN_OR_RETURN(field.value, Number());
        return field;
      }
      case 1:
        return WithBytes(field, 8);
      case 2: {
        FOOTNOTE_ASSIGN_OR_RETURN(const uint64_t size, Number());
        return WithBytes(field, size);
      }
      case 5:
        return WithBytes(field, 4);
      default:
        return DataLossError("it is no SentencePiece model: a field has the wire type " +
                             std::to_string(key & 7));
    }
  }

 private:
  StatusOr<uint64_t> Number() {
    uint64_t number = 0;
    for (int shift = 0; shift < 64 && !rest_.empty(); shift += 7) {
      const auto byte = static_cast<unsigned char>(rest_.front());
      rest_.remove_prefix(1);
      number |= static_cast<uint64_t>(byte & 0x7F) << shift;
      if ((byte & 0x80) == 0) return number;
    }
    return DataLossError("the SentencePiece model ends inside a number");
  }

  StatusOr<Field> WithBytes(Field field, uint64_t size) {
    if (size > rest_.size()) {
      return DataLossError("the SentencePiece model ends inside a field: " + std::to_string(size) +
                           " bytes are needed, " + std::to_string(rest_.size()) + " are there");
    }
    field.bytes = rest_.substr(0, static_cast<size_t>(size));
    rest_.remove_prefix(static_cast<size_t>(size));
    return field;
  }

  std::string_view rest_;
};

class Reader {
 public:
  StatusOr<Vocabulary> Read(const std::filesystem::path& path) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string file, ReadFile(path));
    FOOTNOTE_RETURN_IF_ERROR(ReadModel(file));
    FOOTNOTE_RETURN_IF_ERROR(UseTokenTypes(types_, vocabulary_));
    FOOTNOTE_RETURN_IF_ERROR(ReadConfig(path.parent_path()));
    UseSentencePiece(std::move(options_), vocabulary_);
    FOOTNOTE_RETURN_IF_ERROR(ReadNeighbours(path.parent_path(), vocabulary_));
    if (vocabulary_.end_of_generation.empty() && eos_.has_value()) {
      vocabulary_.end_of_generation = {*eos_};
    }
    return std::move(vocabulary_);
  }

 private:
  Status ReadModel(std::string_view file) {
    uint64_t kind = 1;
    for (Message model(file); !model.done();) {
      FOOTNOTE_ASSIGN_OR_RETURN(const Field field, model.Next());
      if (field.number == 1) FOOTNOTE_RETURN_IF_ERROR(ReadPiece(field.bytes));
      if (field.number == 2) FOOTNOTE_RETURN_IF_ERROR(ReadTrainer(field.bytes, kind));
      if (field.number == 3) FOOTNOTE_RETURN_IF_ERROR(ReadNormalizer(field.bytes));
    }
    if (vocabulary_.tokens.empty()) return DataLossError("the SentencePiece model has no pieces");
    if (kind != 1 && kind != 2) {
      return UnimplementedError("SentencePiece models of kind " + std::to_string(kind) +
                                " are not supported; 1 (unigram) and 2 (BPE) are");
    }
    vocabulary_.model = kind == 1 ? "t5" : "llama";
    options_.split_at_marks = kind == 1;
    for (size_t id = 0; id < types_.size(); ++id) {
      const auto token = static_cast<TokenId>(id);
      if (types_[id] == kUnknownType && !vocabulary_.unknown.has_value()) {
        vocabulary_.unknown = token;
      }
      if (types_[id] != kControlType) continue;
      if (vocabulary_.tokens[id] == "<s>") vocabulary_.bos = token;
      if (vocabulary_.tokens[id] == "</s>") eos_ = token;
    }
    return OkStatus();
  }

  Status ReadPiece(std::string_view bytes) {
    std::string text;
    float score = 0.0F;
    int64_t type = kNormalType;
    for (Message piece(bytes); !piece.done();) {
      FOOTNOTE_ASSIGN_OR_RETURN(const Field field, piece.Next());
      if (field.number == 1) text = field.bytes;
      if (field.number == 2 && field.bytes.size() == sizeof(score)) {
        std::memcpy(&score, field.bytes.data(), sizeof(score));
      }
      if (field.number == 3) type = static_cast<int64_t>(field.value);
    }
    vocabulary_.tokens.push_back(std::move(text));
    vocabulary_.scores.push_back(static_cast<double>(score));
    types_.push_back(type);
    return OkStatus();
  }

  static Status ReadTrainer(std::string_view bytes, uint64_t& kind) {
    for (Message trainer(bytes); !trainer.done();) {
      FOOTNOTE_ASSIGN_OR_RETURN(const Field field, trainer.Next());
      if (field.number == 3) kind = field.value;
      if (field.number == 24 && field.value != 0) {
        return UnimplementedError("treat_whitespace_as_suffix is not supported");
      }
    }
    return OkStatus();
  }

  Status ReadNormalizer(std::string_view bytes) {
    options_.remove_extra_spaces = true;  // when nothing is said
    for (Message normalizer(bytes); !normalizer.done();) {
      FOOTNOTE_ASSIGN_OR_RETURN(const Field field, normalizer.Next());
      if (field.number == 2 && !field.bytes.empty()) {
        FOOTNOTE_ASSIGN_OR_RETURN(options_.character_map, CharacterMap::Parse(field.bytes));
      }
      if (field.number == 3) options_.add_space_prefix = field.value != 0;
      if (field.number == 4) options_.remove_extra_spaces = field.value != 0;
    }
    return OkStatus();
  }

  // What tokenizer_config.json says about surroundings and further tokens.
  Status ReadConfig(const std::filesystem::path& folder) {
    json config = json::object();
    std::error_code error;
    if (const auto path = folder / "tokenizer_config.json"; std::filesystem::exists(path, error)) {
      FOOTNOTE_ASSIGN_OR_RETURN(config, ReadJsonObject(path));
    }
    options_.legacy = JsonFlag(config, "legacy", true);
    const bool bpe = vocabulary_.model == "llama";
    if (JsonFlag(config, "add_bos_token", bpe) && vocabulary_.bos.has_value()) {
      vocabulary_.prefix = {*vocabulary_.bos};
    }
    if (JsonFlag(config, "add_eos_token", !bpe) && eos_.has_value()) vocabulary_.suffix = {*eos_};
    const json& added = JsonMember(config, "added_tokens_decoder");
    if (!added.is_object()) return OkStatus();
    for (const auto& [key, entry] : added.items()) {
      AddedToken token;
      token.text = JsonText(entry, "content");
      const bool number = !key.empty() && key.size() < 8 &&
                          key.find_first_not_of("0123456789") == std::string::npos;
      if (!number || token.text.empty()) {
        return DataLossError("tokenizer_config.json's added_tokens_decoder holds " + Shown(key) +
                             ", which is no id, or no text for it");
      }
      const size_t id = std::stoul(key);
      token.id = static_cast<TokenId>(id);
      token.special = JsonFlag(entry, "special", false);
      token.lstrip = JsonFlag(entry, "lstrip", false);
      token.rstrip = JsonFlag(entry, "rstrip", false);
      token.single_word = JsonFlag(entry, "single_word", false);
      token.normalized = JsonFlag(entry, "normalized", false);
      if (id >= vocabulary_.tokens.size()) {
        vocabulary_.tokens.resize(id + 1);
        vocabulary_.scores.resize(id + 1);
        vocabulary_.control.resize(id + 1);
        vocabulary_.mergeable.resize(id + 1);
      }
      vocabulary_.tokens[id] = token.text;
      vocabulary_.control[id] = token.special;
      std::erase_if(vocabulary_.added, [&](const AddedToken& t) { return t.id == token.id; });
      vocabulary_.added.push_back(std::move(token));
    }
    return OkStatus();
  }

  Vocabulary vocabulary_;
  std::vector<int64_t> types_;  // by id
  SentencePieceOptions options_;
  std::optional<TokenId> eos_;
};

}  // namespace

StatusOr<Vocabulary> ReadSentencePieceVocabulary(const std::filesystem::path& path) {
  StatusOr<Vocabulary> vocabulary = Reader().Read(path);
  if (!vocabulary.ok()) return vocabulary.status().WithContext(path.string());
  return vocabulary;
}

}  // namespace footnote::generator
