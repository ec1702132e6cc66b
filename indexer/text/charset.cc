#include "indexer/text/charset.h"

#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>

#include <algorithm>
#include <cctype>
#include <limits>
#include <memory>
#include <utility>

#include "common/text/utf8.h"

namespace footnote::indexer {
namespace {

constexpr std::string_view kUtf8Mark = "\xEF\xBB\xBF";
constexpr std::string_view kUtf16LittleMark = "\xFF\xFE";
constexpr std::string_view kUtf16BigMark = "\xFE\xFF";

// Empty on failure.
std::string Convert(const char* charset, std::string_view bytes) {
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int32_t>::max()) / 4) return {};
  UErrorCode error = U_ZERO_ERROR;
  const auto length = static_cast<int32_t>(bytes.size());
  const int32_t needed = ucnv_convert("UTF-8", charset, nullptr, 0, bytes.data(), length, &error);
  if (error != U_BUFFER_OVERFLOW_ERROR && U_FAILURE(error)) return {};
  std::string text(static_cast<size_t>(needed), '\0');
  error = U_ZERO_ERROR;
  ucnv_convert("UTF-8", charset, text.data(), needed, bytes.data(), length, &error);
  return U_FAILURE(error) ? std::string() : text;
}

// The detector's name for `bytes`; Windows-1252 when it is not sure.
std::string DetectCharset(std::string_view bytes) {
  constexpr size_t kSample = 64 << 10;  // more does not make the detector surer
  constexpr int32_t kSure = 40;         // of 100; Latin texts rarely reach more
  UErrorCode error = U_ZERO_ERROR;
  const std::unique_ptr<UCharsetDetector, decltype(&ucsdet_close)> detector(ucsdet_open(&error),
                                                                            ucsdet_close);
  if (U_FAILURE(error)) return "windows-1252";
  ucsdet_setText(detector.get(), bytes.data(),
                 static_cast<int32_t>(std::min(bytes.size(), kSample)), &error);
  const UCharsetMatch* match = ucsdet_detect(detector.get(), &error);
  if (U_FAILURE(error) || match == nullptr || ucsdet_getConfidence(match, &error) < kSure) {
    return "windows-1252";
  }
  const char* name = ucsdet_getName(match, &error);
  // Nearly UTF-8 is left to U+FFFD; Windows-1252 is Latin-1 with the quotation marks that files
  // labelled Latin-1 have.
  if (U_FAILURE(error) || std::string_view(name) == "ISO-8859-1") return "windows-1252";
  return name;
}

}  // namespace

bool LooksLikeText(std::string_view bytes) {
  if (bytes.starts_with(kUtf16LittleMark) || bytes.starts_with(kUtf16BigMark)) return true;
  const std::string_view sample = bytes.substr(0, 64 << 10);
  size_t control = 0;
  for (const char c : sample) {
    if (c == '\0') return false;
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 && c != '\n' && c != '\t' && c != '\r' && c != '\f' && c != '\x1B' &&
        c != '\b') {
      ++control;
    }
  }
  return control * 20 <= sample.size();
}

std::string DecodeToUtf8(std::string bytes) {
  if (bytes.starts_with(kUtf8Mark)) bytes.erase(0, kUtf8Mark.size());
  if (bytes.starts_with(kUtf16LittleMark) || bytes.starts_with(kUtf16BigMark)) {
    const char* charset = bytes[0] == '\xFF' ? "UTF-16LE" : "UTF-16BE";
    std::string text = Convert(charset, std::string_view(bytes).substr(2));
    if (!text.empty()) return text;
  }
  if (IsValidUtf8(bytes)) return bytes;
  const std::string charset = DetectCharset(bytes);
  if (charset == "UTF-8") return ReplaceInvalidUtf8(bytes);
  std::string text = Convert(charset.c_str(), bytes);
  return text.empty() ? ReplaceInvalidUtf8(bytes) : text;
}

std::string DecodeToUtf8(std::string bytes, std::string_view charset) {
  constexpr size_t kLongestName = 40;  // of a charset; what is longer is no name
  std::string name;
  for (const char c : charset.substr(0, kLongestName)) {
    // Commas would give ICU options.
    if (c == ',' || static_cast<unsigned char>(c) <= ' ') return DecodeToUtf8(std::move(bytes));
    name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  if (name.empty() || name == "utf-8" || name == "utf8" || name == "us-ascii" || name == "ascii") {
    return DecodeToUtf8(std::move(bytes));
  }
  // As browsers do: what says Latin-1 has the quotation marks of Windows-1252.
  if (name == "iso-8859-1" || name == "latin1") name = "windows-1252";
  std::string text = Convert(name.c_str(), bytes);
  return text.empty() ? DecodeToUtf8(std::move(bytes)) : text;
}

}  // namespace footnote::indexer
