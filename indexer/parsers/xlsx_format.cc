#include "indexer/parsers/xlsx_format.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <optional>

namespace footnote::indexer {
namespace {

using Kind = XlsxFormat::Kind;

constexpr double kMostDays = 2958466;  // 10000-01-01, where Excel's dates end
constexpr int64_t kDaySeconds = 86400;

// What a format code says, part by part.
struct FormatScan {
  bool date = false;     // y, d, or m as a month
  bool time = false;     // h, s
  bool elapsed = false;  // [h]
  bool month_or_minute = false;
  bool percent = false;
  bool fancy = false;  // exponents, fractions: shown in the shortest form
  bool digits = false;
  bool point = false;
  bool thousands = false;
  bool scaled = false;  // a comma behind the digits divides by 1000
  int decimals = 0;
  int least_digits = 0;
  std::string prefix;
  std::string suffix;
};

void ScanBracket(std::string_view inner, FormatScan& scan) {
  if (inner.starts_with('$')) {  // [$€-407]: a currency and a locale
    (scan.digits ? scan.suffix : scan.prefix) += inner.substr(1, inner.find('-') - 1);
  } else if (!inner.empty() && inner.find_first_not_of("hHmMsS") == std::string_view::npos) {
    scan.elapsed = true;
  }
}

FormatScan Scan(std::string_view code) {
  FormatScan scan;
  const auto literal = [&](std::string_view text) {
    (scan.digits ? scan.suffix : scan.prefix) += text;
  };
  for (size_t i = 0; i < code.size(); ++i) {
    const char c = code[i];
    if (c == ';') break;
    if (c == '"' || c == '[') {
      const size_t end = std::min(code.find(c == '"' ? '"' : ']', i + 1), code.size());
      const std::string_view inner = code.substr(i + 1, end - i - 1);
      if (c == '"') {
        literal(inner);
      } else {
        ScanBracket(inner, scan);
      }
      i = end;
    } else if (c == '\\') {
      if (i + 1 < code.size()) literal(code.substr(++i, 1));
    } else if (c == '_' || c == '*') {
      ++i;  // space as wide as a character, or filled with it
    } else if (c == 'y' || c == 'Y' || c == 'd' || c == 'D') {
      scan.date = true;
    } else if (c == 'h' || c == 'H' || c == 's' || c == 'S') {
      scan.time = true;
    } else if (c == 'm' || c == 'M') {
      scan.month_or_minute = true;
    } else if (c == 'E' || c == 'e' || c == '/' || c == '?') {
      scan.fancy = true;
    } else if (c == '0' || c == '#') {
      scan.digits = true;
      scan.thousands = scan.thousands || scan.scaled;
      scan.scaled = false;
      if (c == '0') ++(scan.point ? scan.decimals : scan.least_digits);
    } else if (c == '.') {
      scan.point = true;
    } else if (c == ',') {
      scan.scaled = scan.digits;  // unless digits follow
    } else if (c == '%') {
      scan.percent = true;
      literal("%");
    } else if (c == ' ' || c == '$' || c == '(' || c == ')' || (c & 0x80) != 0) {
      literal(code.substr(i, 1));
    }
  }
  return scan;
}

std::optional<double> ReadNumber(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
    return std::nullopt;
  }
  return value;
}

// Excel computes with 15 digits: 0.1 + 0.2 is "0.3".
std::string Shortest(double value) {
  constexpr int kDigits = 15;
  std::array<char, 64> buffer;
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value,
                                          std::chars_format::general, kDigits);
  return error == std::errc() ? std::string(buffer.data(), end) : std::string();
}

std::string Fixed(double value, const XlsxFormat& format) {
  constexpr double kMostFixed = 1e15;  // beyond, digits are made up
  if (std::abs(value) >= kMostFixed) return Shortest(value);
  std::array<char, 64> buffer;
  const auto [end, error] =
      std::to_chars(buffer.data(), buffer.data() + buffer.size(), std::abs(value),
                    std::chars_format::fixed, format.decimals);
  if (error != std::errc()) return Shortest(value);
  std::string digits(buffer.data(), end);
  const bool zero = digits.find_first_not_of("0.") == std::string::npos;
  const size_t whole = std::min(digits.find('.'), digits.size());
  const auto least = static_cast<size_t>(format.least_digits);
  if (whole < least) digits.insert(0, least - whole, '0');
  if (format.thousands) {
    constexpr size_t kGroup = 3;
    size_t at = std::min(digits.find('.'), digits.size());
    while (at > kGroup) digits.insert(at -= kGroup, ",");
  }
  return (value < 0 && !zero ? "-" : "") + format.prefix + digits + format.suffix;
}

std::string Padded(int64_t number) {
  const std::string digits = std::to_string(number);
  return digits.size() < 2 ? "0" + digits : digits;
}

std::string Clock(int64_t seconds) {
  constexpr int64_t kMinute = 60;
  constexpr int64_t kHour = 3600;
  std::string clock = Padded(seconds / kHour) + ":" + Padded(seconds / kMinute % kMinute);
  if (seconds % kMinute != 0) clock += ":" + Padded(seconds % kMinute);
  return clock;
}

std::string Date(int64_t day, bool from_1904) {
  constexpr int64_t kLeapDay = 60;  // Excel's 29 February 1900, which never was
  const std::chrono::sys_days epoch =
      from_1904 ? std::chrono::sys_days(std::chrono::year(1904) / 1 / 1)
                : std::chrono::sys_days(std::chrono::year(1899) / 12 / 30);
  if (!from_1904 && day < kLeapDay) ++day;
  const std::chrono::year_month_day date(epoch + std::chrono::days(day));
  std::array<char, 32> buffer;
  std::snprintf(buffer.data(), buffer.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
  return buffer.data();
}

std::string FormatMoment(double value, Kind kind, bool from_1904) {
  const int64_t seconds = std::llround(value * static_cast<double>(kDaySeconds));
  const int64_t day = seconds / kDaySeconds;
  switch (kind) {
    case Kind::kDate:
      return Date(day, from_1904);
    case Kind::kTime:
      return Clock(seconds % kDaySeconds);
    case Kind::kElapsed:
      return Clock(seconds);
    default:
      return Date(day, from_1904) + " " + Clock(seconds % kDaySeconds);
  }
}

}  // namespace

XlsxFormat ParseXlsxFormat(std::string_view code) {
  constexpr size_t kLongestCode = 256;  // as Excel itself allows; literals go into every cell
  constexpr int kMostDecimals = 15;
  const FormatScan scan = Scan(code.substr(0, kLongestCode));
  XlsxFormat format;
  if (scan.elapsed) {
    format.kind = Kind::kElapsed;
  } else if (scan.date || scan.time || scan.month_or_minute) {
    const bool date = scan.date || !scan.time;
    format.kind = !date ? Kind::kTime : scan.time ? Kind::kDateTime : Kind::kDate;
  } else if (scan.digits && !scan.fancy && !scan.scaled) {
    format.kind = scan.percent ? Kind::kPercent : Kind::kDecimal;
    format.decimals = std::min(scan.decimals, kMostDecimals);
    format.least_digits = std::min(scan.least_digits, kMostDecimals);
    format.thousands = scan.thousands;
    format.prefix = scan.prefix;
    format.suffix = scan.suffix;
  }
  return format;
}

XlsxFormat BuiltInXlsxFormat(int id) {
  struct BuiltIn {
    int first;
    int last;
    std::string_view code;
  };
  static constexpr auto kFormats = std::to_array<BuiltIn>({{1, 1, "0"},
                                                           {2, 2, "0.00"},
                                                           {3, 3, "#,##0"},
                                                           {4, 4, "#,##0.00"},
                                                           {5, 6, "$#,##0"},
                                                           {7, 8, "$#,##0.00"},
                                                           {9, 9, "0%"},
                                                           {10, 10, "0.00%"},
                                                           {14, 17, "yyyy-mm-dd"},
                                                           {18, 21, "hh:mm"},
                                                           {22, 22, "yyyy-mm-dd hh:mm"},
                                                           {27, 31, "yyyy-mm-dd"},
                                                           {32, 35, "hh:mm"},
                                                           {36, 36, "yyyy-mm-dd"},
                                                           {37, 38, "#,##0"},
                                                           {39, 40, "#,##0.00"},
                                                           {41, 41, "#,##0"},
                                                           {42, 42, "$#,##0"},
                                                           {43, 43, "#,##0.00"},
                                                           {44, 44, "$#,##0.00"},
                                                           {45, 45, "mm:ss"},
                                                           {46, 46, "[h]:mm:ss"},
                                                           {47, 47, "mm:ss"},
                                                           {50, 58, "yyyy-mm-dd"}});
  for (const BuiltIn& each : kFormats) {
    if (id >= each.first && id <= each.last) return ParseXlsxFormat(each.code);
  }
  return {};
}

std::string FormatXlsxNumber(std::string_view value, const XlsxFormat& format, bool from_1904) {
  const std::optional<double> number = ReadNumber(value);
  if (!number) return std::string(value);
  switch (format.kind) {
    case Kind::kGeneral:
      return Shortest(*number);
    case Kind::kDecimal:
      return Fixed(*number, format);
    case Kind::kPercent:
      return Fixed(*number * 100, format);
    default:
      if (*number < 0 || *number >= kMostDays) return Shortest(*number);
      return FormatMoment(*number, format.kind, from_1904);
  }
}

}  // namespace footnote::indexer
