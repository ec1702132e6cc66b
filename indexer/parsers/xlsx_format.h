// Numbers as a spreadsheet's cell shows them, as far as its number format is about meaning: dates,
// percentages, decimals, units. Dates come out as ISO 8601, which needs no locale.
//
// Source: ECMA-376 part 1, section 18.8.30 (numFmts).
#pragma once

#include <string>
#include <string_view>

namespace footnote::indexer {

struct XlsxFormat {
  enum class Kind {
    kGeneral,   // the shortest form
    kDecimal,   // with `decimals`, `thousands`, `prefix` and `suffix`
    kPercent,   // as kDecimal, times 100
    kDate,      // "2024-03-01"
    kTime,      // "07:45"
    kDateTime,  // "2024-03-01 07:45"
    kElapsed,   // "26:30": hours may be more than a day's
  };
  Kind kind = Kind::kGeneral;
  int decimals = 0;
  int least_digits = 0;  // before the point: 5 shows "00042"
  bool thousands = false;
  std::string prefix;  // "$"
  std::string suffix;  // " kg", "%"
};

// Of a format code such as "0.00%" or "yyyy\-mm\-dd"; only its first section counts.
XlsxFormat ParseXlsxFormat(std::string_view code);

// Of a built-in format by its number, those of Excel in English.
XlsxFormat BuiltInXlsxFormat(int id);

// `value` is a number as the file writes it ("45352.5"); any other text is returned as it is.
// `from_1904`: days are counted from 1904, as old Macs did.
std::string FormatXlsxNumber(std::string_view value, const XlsxFormat& format, bool from_1904);

}  // namespace footnote::indexer
