#include "indexer/text/language.h"

#include <cld2/public/compact_lang_det.h>
#include <cld2/public/encodings.h>

#include <algorithm>

#include "common/text/utf8.h"

namespace footnote::indexer {
namespace {

constexpr size_t kPieceBytes = 16 << 10;
constexpr int kLeastTextBytes = 150;  // letters and the spaces between them, as CLD2 counts them
constexpr int kLeastPercent = 70;     // of the text; contracts and manuals quote other languages

// The start, and as much from the middle: covers and licences are often in English.
std::string Sample(std::string_view text) {
  if (text.size() <= 2 * kPieceBytes) return std::string(text);
  std::string sample(text.substr(0, Utf8Floor(text, kPieceBytes)));
  const size_t middle = Utf8Floor(text, text.size() / 2);
  const size_t end = Utf8Floor(text, middle + kPieceBytes);
  sample += '\n';
  sample += text.substr(middle, end - middle);
  return sample;
}

// CLD2 keeps some codes that ISO 639 has replaced.
std::string IsoCode(CLD2::Language language) {
  std::string code = CLD2::LanguageCode(language);
  code.resize(std::min(code.find('-'), code.size()));  // "zh-Hant"
  if (code == "iw") return "he";
  if (code == "jw") return "jv";
  return code.size() == 2 ? code : "";
}

}  // namespace

std::string DetectLanguage(std::string_view text) {
  const std::string sample = Sample(text);
  CLD2::Language languages[3];
  int percents[3];
  double scores[3];
  int text_bytes = 0;
  bool is_reliable = false;
  const CLD2::CLDHints no_hints = {nullptr, nullptr, CLD2::UNKNOWN_ENCODING,
                                   CLD2::UNKNOWN_LANGUAGE};
  CLD2::ExtDetectLanguageSummary(sample.data(), static_cast<int>(sample.size()),
                                 /*is_plain_text=*/true, &no_hints, /*flags=*/0, languages,
                                 percents, scores, /*resultchunkvector=*/nullptr, &text_bytes,
                                 &is_reliable);
  const bool is_sure = is_reliable && text_bytes >= kLeastTextBytes &&
                       percents[0] >= kLeastPercent && languages[0] != CLD2::UNKNOWN_LANGUAGE;
  return is_sure ? IsoCode(languages[0]) : "";
}

}  // namespace footnote::indexer
