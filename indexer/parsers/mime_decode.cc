#include "indexer/parsers/mime_decode.h"

#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr size_t kMostParameters = 100;  // of a header; mail has a few
constexpr int kMostSections = 1000;      // of a parameter that is split

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The byte that two digits behind `offset` name; -1 when they are none.
int HexByte(std::string_view text, size_t offset) {
  if (offset + 2 >= text.size()) return -1;
  const int high = HexDigit(text[offset + 1]);
  const int low = HexDigit(text[offset + 2]);
  return high < 0 || low < 0 ? -1 : high * 16 + low;
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return lower;
}

// "Q" encoding: quoted-printable where "_" is a space.
std::string DecodeQ(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '=' ? HexByte(text, i) : -1;
    if (byte >= 0) {
      bytes += static_cast<char>(byte);
      i += 2;
    } else {
      bytes += text[i] == '_' ? ' ' : text[i];
    }
  }
  return bytes;
}

std::string DecodePercent(std::string_view text) {
  std::string bytes;
  for (size_t i = 0; i < text.size(); ++i) {
    const int byte = text[i] == '%' ? HexByte(text, i) : -1;
    bytes += byte >= 0 ? static_cast<char>(byte) : text[i];
    if (byte >= 0) i += 2;
  }
  return bytes;
}

struct EncodedWord {
  std::string charset;
  std::string bytes;
  size_t length = 0;  // of the word in the header
};

// "=?charset?q?text?=" at the start of `text`.
std::optional<EncodedWord> ReadEncodedWord(std::string_view text) {
  if (!text.starts_with("=?")) return std::nullopt;
  const size_t encoding = text.find('?', 2);
  if (encoding == std::string_view::npos || encoding + 2 >= text.size() ||
      text[encoding + 2] != '?') {
    return std::nullopt;
  }
  const size_t end = text.find("?=", encoding + 3);
  if (end == std::string_view::npos) return std::nullopt;
  const std::string_view encoded = text.substr(encoding + 3, end - encoding - 3);
  EncodedWord word;
  word.charset = Lower(text.substr(2, encoding - 2));
  word.charset.resize(std::min(word.charset.find('*'), word.charset.size()));  // a language
  word.length = end + 2;
  const char kind = text[encoding + 1];
  if (kind == 'q' || kind == 'Q') {
    word.bytes = DecodeQ(encoded);
  } else if (kind == 'b' || kind == 'B') {
    word.bytes = DecodeBase64(encoded);
  } else {
    return std::nullopt;
  }
  return word;
}

// One "name=value" of a header; reads from `at` up to behind the next semicolon.
std::string ReadParameterText(std::string_view header, size_t& at) {
  std::string text;
  bool quoted = false;
  for (; at < header.size(); ++at) {
    const char c = header[at];
    if (c == '"') {
      quoted = !quoted;
    } else if (c == '\\' && quoted && at + 1 < header.size()) {
      text += header[++at];
    } else if (c == ';' && !quoted) {
      break;
    } else {
      text += c;
    }
  }
  ++at;
  return text;
}

// A parameter that RFC 2231 splits: "name*0*=utf-8''a%20; name*1=b".
struct SplitParameter {
  std::string charset;
  std::map<int, std::string> sections;
};

// Takes "name*", "name*0", "name*0*"; false when `name` is a plain one.
bool AddSection(std::string_view name, std::string_view value,
                std::map<std::string, SplitParameter>& split) {
  const size_t star = name.find('*');
  if (star == std::string_view::npos) return false;
  SplitParameter& parameter = split[std::string(name.substr(0, star))];
  const bool encoded = name.ends_with('*');
  const std::string_view digits = name.substr(star + 1);
  int section = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), section);
  if (section < 0 || section >= kMostSections) return true;
  const size_t charset_end = encoded && section == 0 ? value.find('\'') : std::string_view::npos;
  const size_t language_end =
      charset_end == std::string_view::npos ? charset_end : value.find('\'', charset_end + 1);
  if (language_end != std::string_view::npos) {
    parameter.charset = std::string(value.substr(0, charset_end));
    value.remove_prefix(language_end + 1);
  }
  parameter.sections[section] = encoded ? DecodePercent(value) : std::string(value);
  return true;
}

}  // namespace

std::string DecodeBase64(std::string_view text) {
  static constexpr auto kValues = [] {
    std::array<int8_t, 256> values{};
    values.fill(-1);
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < kAlphabet.size(); ++i) {
      values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<int8_t>(i);
    }
    return values;
  }();
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3);
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    if (c == '=') {  // ends a quantum; some programs join encoded pieces
      bits = 0;
      count = 0;
      continue;
    }
    const int value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) continue;
    bits = (bits << 6) | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes += static_cast<char>((bits >> count) & 0xFF);
    }
  }
  return bytes;
}

std::string DecodeQuotedPrintable(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '=') {
      bytes += text[i];
      continue;
    }
    if (const int byte = HexByte(text, i); byte >= 0) {
      bytes += static_cast<char>(byte);
      i += 2;
      continue;
    }
    // A soft line end: "=", perhaps white space, a line end.
    const size_t end = text.find_first_not_of(" \t\r", i + 1);
    if (end == std::string_view::npos) break;
    if (text[end] == '\n') {
      i = end;
    } else {
      bytes += '=';
    }
  }
  return bytes;
}

std::string DecodeHeader(std::string_view value) {
  std::string decoded;
  std::string plain;        // bytes that are no encoded words
  EncodedWord open;         // words of one charset in a row: they may cut characters
  bool after_word = false;  // only white space stands between
  const auto close_word = [&] {
    if (!open.bytes.empty()) decoded += DecodeToUtf8(std::move(open.bytes), open.charset);
    open = EncodedWord();
  };
  for (size_t i = 0; i < value.size();) {
    const std::optional<EncodedWord> word =
        value[i] == '=' ? ReadEncodedWord(value.substr(i)) : std::nullopt;
    if (!word) {
      plain += value[i++];
      continue;
    }
    const bool adjacent = after_word && TrimSpace(plain).empty();
    if (!adjacent || word->charset != open.charset) close_word();
    if (!adjacent) decoded += DecodeToUtf8(plain);
    plain.clear();
    open.charset = word->charset;
    open.bytes += word->bytes;
    after_word = true;
    i += word->length;
  }
  close_word();
  decoded += DecodeToUtf8(plain);
  return CollapseSpace(CleanText(decoded));
}

ParameterValue ReadParameters(std::string_view header) {
  ParameterValue result;
  std::map<std::string, SplitParameter> split;
  size_t at = 0;
  result.value = Lower(CollapseSpace(ReadParameterText(header, at)));
  for (size_t count = 0; at < header.size() && count < kMostParameters; ++count) {
    const std::string text = ReadParameterText(header, at);
    const size_t equals = text.find('=');
    if (equals == std::string::npos) continue;
    const std::string name = Lower(TrimSpace(std::string_view(text).substr(0, equals)));
    const std::string_view value = TrimSpace(std::string_view(text).substr(equals + 1));
    if (!AddSection(name, value, split)) result.parameters.emplace(name, DecodeHeader(value));
  }
  for (auto& [name, parameter] : split) {
    std::string bytes;
    for (const auto& [section, piece] : parameter.sections) bytes += piece;
    // It goes before a plain one of that name, which is for programs that do not know it.
    result.parameters[name] =
        CollapseSpace(CleanText(DecodeToUtf8(std::move(bytes), parameter.charset)));
  }
  return result;
}

}  // namespace footnote::indexer
