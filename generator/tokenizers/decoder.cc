#include "generator/tokenizers/decoder.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "common/text/utf8.h"
#include "generator/tokenizers/byte_letters.h"
#include "generator/tokenizers/json_step.h"
#include "generator/tokenizers/replace.h"
#include "generator/weights/byte_cursor.h"

namespace footnote::generator {
namespace {

using nlohmann::json;
using Step = Decoder::Step;
using Kind = Decoder::Step::Kind;

// The byte of "<0xC3>".
std::optional<char> ByteOf(std::string_view token) {
  if (token.size() != 6 || !token.starts_with("<0x") || !token.ends_with('>')) return std::nullopt;
  unsigned byte = 0;
  const auto [end, error] = std::from_chars(token.data() + 3, token.data() + 5, byte, 16);
  if (error != std::errc() || end != token.data() + 5) return std::nullopt;
  return static_cast<char>(byte);
}

// Puts English together again where words were split.
std::string CleanedUp(std::string text) {
  static constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kCleanups = {{
      {" .", "."},
      {" ?", "?"},
      {" !", "!"},
      {" ,", ","},
      {" ' ", "'"},
      {" n't", "n't"},
      {" 'm", "'m"},
      {" do not", " don't"},
      {" 's", "'s"},
      {" 've", "'ve"},
      {" 're", "'re"},
  }};
  for (const auto& [from, to] : kCleanups) text = Replaced(text, from, to);
  return text;
}

std::string WordPieceText(const Step& step, std::string text, bool first) {
  if (!first) {
    if (text.starts_with(step.from)) {
      text.erase(0, step.from.size());
    } else {
      text.insert(text.begin(), ' ');
    }
  }
  return step.flag ? CleanedUp(std::move(text)) : text;
}

std::string Stripped(const Step& step, std::string_view text) {
  for (size_t i = 0; i < step.start && text.starts_with(step.from); ++i) {
    text.remove_prefix(step.from.size());
  }
  for (size_t i = 0; i < step.stop && text.ends_with(step.from); ++i) {
    text.remove_suffix(step.from.size());
  }
  return std::string(text);
}

// Runs of byte tokens become the text they spell, or a U+FFFD for each when they spell none.
std::vector<std::string> BytesJoined(std::vector<std::string> tokens) {
  std::vector<std::string> out;
  std::string bytes;
  const auto flush = [&] {
    if (bytes.empty()) return;
    if (IsValidUtf8(bytes)) {
      out.push_back(bytes);
    } else {
      for (size_t i = 0; i < bytes.size(); ++i) out.emplace_back("\uFFFD");
    }
    bytes.clear();
  };
  for (std::string& token : tokens) {
    if (const std::optional<char> byte = ByteOf(token)) {
      bytes.push_back(*byte);
      continue;
    }
    flush();
    out.push_back(std::move(token));
  }
  flush();
  return out;
}

std::string Concatenated(const std::vector<std::string>& tokens) {
  std::string text;
  for (const std::string& token : tokens) text += token;
  return text;
}

StatusOr<Step> StepOf(const json& step) {
  const std::string type = JsonText(step, "type");
  if (type == "ByteLevel") return Step{.kind = Kind::kByteLevel};
  if (type == "ByteFallback") return Step{.kind = Kind::kByteFallback};
  if (type == "Fuse") return Step{.kind = Kind::kFuse};
  if (type == "Replace") {
    std::string from = JsonText(JsonMember(step, "pattern"), "String");
    if (from.empty()) {
      return UnimplementedError("a Replace decoder of a regular expression is not supported");
    }
    return Step{.kind = Kind::kReplace, .from = std::move(from), .to = JsonText(step, "content")};
  }
  if (type == "Strip") {
    const auto count = [&](const char* key) {
      const json& value = JsonMember(step, key);
      return value.is_number_unsigned() ? value.get<size_t>() : size_t{0};
    };
    std::string content = JsonText(step, "content");
    if (content.empty()) return DataLossError("the Strip decoder has no content");
    return Step{.kind = Kind::kStrip,
                .from = std::move(content),
                .start = count("start"),
                .stop = count("stop")};
  }
  if (type == "Metaspace") {
    const std::string scheme = JsonText(step, "prepend_scheme");
    const bool prepends =
        scheme.empty() ? JsonFlag(step, "add_prefix_space", true) : scheme != "never";
    std::string mark = JsonText(step, "replacement");
    if (mark.empty()) return DataLossError("the Metaspace decoder has no replacement");
    return Step{.kind = Kind::kMetaspace, .from = std::move(mark), .to = " ", .flag = prepends};
  }
  if (type == "WordPiece") {
    return Step{.kind = Kind::kWordPiece,
                .from = JsonText(step, "prefix"),
                .flag = JsonFlag(step, "cleanup", true)};
  }
  return UnimplementedError("decoder " + Shown(type) +
                            " is not supported; these are: ByteFallback, ByteLevel, Fuse, "
                            "Metaspace, Replace, Sequence, Strip, WordPiece");
}

}  // namespace

StatusOr<Decoder> Decoder::FromJson(const json& json_steps) {
  std::vector<Step> steps;
  for (const json* json_step : JsonSteps(json_steps, "decoders")) {
    FOOTNOTE_ASSIGN_OR_RETURN(Step step, StepOf(*json_step));
    steps.push_back(std::move(step));
  }
  return Decoder(std::move(steps));
}

bool Decoder::from_letters() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.kind == Kind::kByteLevel; });
}

bool Decoder::first_differs() const {
  return std::any_of(steps_.begin(), steps_.end(),
                     [](const Step& step) { return step.kind == Kind::kWordPiece; });
}

std::string Decoder::TextOf(std::string_view token, bool first) const {
  std::string text(token);
  bool fused = false;
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Kind::kReplace:
      case Kind::kMetaspace:
        text = Replaced(text, step.from, step.to);
        break;
      case Kind::kByteFallback:
        if (const std::optional<char> byte = ByteOf(text)) text.assign(1, *byte);
        break;
      case Kind::kFuse:
        fused = true;
        break;
      case Kind::kStrip:
        if (!fused) text = Stripped(step, text);
        break;
      case Kind::kByteLevel:
        if (std::optional<std::string> bytes = BytesOfLetters(text)) text = *std::move(bytes);
        break;
      case Kind::kWordPiece:
        text = WordPieceText(step, std::move(text), first);
        break;
    }
  }
  return text;
}

std::string Decoder::Join(std::vector<std::string> tokens) const {
  for (const Step& step : steps_) {
    switch (step.kind) {
      case Kind::kReplace:
        for (std::string& token : tokens) token = Replaced(token, step.from, step.to);
        break;
      case Kind::kByteFallback:
        tokens = BytesJoined(std::move(tokens));
        break;
      case Kind::kFuse:
        tokens = {Concatenated(tokens)};
        break;
      case Kind::kStrip:
        for (std::string& token : tokens) token = Stripped(step, token);
        break;
      case Kind::kByteLevel:
        for (std::string& token : tokens) {
          if (std::optional<std::string> bytes = BytesOfLetters(token)) token = *std::move(bytes);
        }
        tokens = {ReplaceInvalidUtf8(Concatenated(tokens))};
        break;
      case Kind::kMetaspace:
        for (size_t i = 0; i < tokens.size(); ++i) {
          tokens[i] = Replaced(tokens[i], step.from, step.flag && i == 0 ? "" : step.to);
        }
        break;
      case Kind::kWordPiece:
        for (size_t i = 0; i < tokens.size(); ++i) {
          tokens[i] = WordPieceText(step, std::move(tokens[i]), i == 0);
        }
        break;
    }
  }
  return ReplaceInvalidUtf8(Concatenated(tokens));
}

}  // namespace footnote::generator
