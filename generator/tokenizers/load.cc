#include <array>
#include <unordered_map>
#include <utility>

#include "common/file.h"
#include "generator/tokenizers/vocabulary.h"
#include "generator/weights/byte_cursor.h"
#include "generator/weights/gguf.h"
#include "generator/weights/gguf_split.h"

namespace footnote::generator {
namespace {

struct Line {
  std::string_view gguf_model;
  std::string_view json_model;
  StatusOr<std::unique_ptr<Tokenizer>> (*make)(Vocabulary vocabulary);
};

constexpr Line kLines[] = {
#define FOOTNOTE_TOKENIZER(gguf_model, json_model, make) {gguf_model, json_model, make},
#include "generator/tokenizers/tokenizers.def"
#undef FOOTNOTE_TOKENIZER
};

StatusOr<std::unique_ptr<Tokenizer>> Make(Vocabulary vocabulary,
                                          const std::filesystem::path& path) {
  for (const Line& line : kLines) {
    if (line.gguf_model != vocabulary.model) continue;
    StatusOr<std::unique_ptr<Tokenizer>> tokenizer = line.make(std::move(vocabulary));
    if (!tokenizer.ok()) return tokenizer.status().WithContext(path.string());
    return tokenizer;
  }
  return UnimplementedError(path.string() + ": tokenizer \"" + vocabulary.model +
                            "\" is not supported; these are: " + SupportedTokenizers());
}

StatusOr<std::filesystem::path> FileInFolder(const std::filesystem::path& folder) {
  std::error_code error;
  if (std::filesystem::exists(folder / "tokenizer.json", error)) return folder / "tokenizer.json";
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::filesystem::path> files, GgufModelsIn(folder));
  if (files.size() == 1) return files.front();
  if (std::filesystem::exists(folder / "tokenizer.model", error)) return folder / "tokenizer.model";
  return NotFoundError(Shown(folder.string()) + " has no tokenizer.json, no tokenizer.model and " +
                       (files.empty() ? "no .gguf file" : "several .gguf models; name one"));
}

}  // namespace

std::optional<std::string> TokenizerOfJsonModel(std::string_view json_model) {
  for (const Line& line : kLines) {
    if (!json_model.empty() && line.json_model == json_model) return std::string(line.gguf_model);
  }
  return std::nullopt;
}

std::string SupportedTokenizers() {
  std::string names;
  for (const Line& line : kLines) {
    if (!names.empty()) names += ", ";
    names += line.gguf_model;
    if (!line.json_model.empty()) names += " (" + std::string(line.json_model) + ")";
  }
  return names;
}

std::vector<TokenId> ByteIds(const Vocabulary& vocabulary) {
  std::vector<TokenId> ids(256, -1);
  if (!vocabulary.byte_fallback) return ids;
  std::unordered_map<std::string_view, TokenId> bytes;
  for (size_t id = 0; id < vocabulary.tokens.size(); ++id) {
    const std::string_view token = vocabulary.tokens[id];
    if (token.size() == 6 && token.starts_with("<0x") && !vocabulary.control[id]) {
      bytes.emplace(token, static_cast<TokenId>(id));
    }
  }
  for (size_t byte = 0; byte < ids.size(); ++byte) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    const std::string name = {'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'};
    if (const auto found = bytes.find(name); found != bytes.end()) ids[byte] = found->second;
  }
  return ids;
}

bool EndsGeneration(std::string_view control_token) {
  static constexpr std::array<std::string_view, 11> kEnds = {
      "<|endoftext|>",        "<|im_end|>", "<|eot_id|>",      "<|eom_id|>",      "<|end|>",
      "<end_of_turn>",        "<|eot|>",    "<|end_of_text|>", "<|end_of_turn|>", "<turn|>",
      "<|END_OF_TURN_TOKEN|>"};
  for (const std::string_view end : kEnds) {
    if (control_token == end) return true;
  }
  return false;
}

StatusOr<std::unique_ptr<Tokenizer>> Tokenizer::Load(const std::filesystem::path& path) {
  std::error_code error;
  std::filesystem::path file = path;
  if (std::filesystem::is_directory(path, error)) {
    FOOTNOTE_ASSIGN_OR_RETURN(file, FileInFolder(path));
  }
  bool gguf = false;
  {
    FOOTNOTE_ASSIGN_OR_RETURN(const MappedFile mapped, MappedFile::Open(file));
    gguf = LooksLikeGguf(mapped.bytes());
  }
  if (gguf) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::unique_ptr<WeightSource> source,
                              OpenGguf(file, GgufPart::kMetadata));
    FOOTNOTE_ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadGgufVocabulary(*source));
    return Make(std::move(vocabulary), file);
  }
  if (file.filename().string().find(".model") != std::string::npos) {
    FOOTNOTE_ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadSentencePieceVocabulary(file));
    return Make(std::move(vocabulary), file);
  }
  if (file.extension() != ".json") {
    return UnimplementedError(Shown(file.string()) +
                              " is neither a GGUF file nor a tokenizer.json nor a tokenizer.model");
  }
  FOOTNOTE_ASSIGN_OR_RETURN(Vocabulary vocabulary, ReadJsonVocabulary(file));
  return Make(std::move(vocabulary), file);
}

}  // namespace footnote::generator
