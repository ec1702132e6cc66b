// The encodings of mail: base64 and quoted-printable, words and parameters of headers.
//
// Source: RFC 2045 (encodings), RFC 2047 (words), RFC 2231 (parameters). Never fails: mail in the
// wild breaks every rule, so what cannot be decoded is skipped or stays as it is.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace footnote::indexer {

std::string DecodeBase64(std::string_view text);
std::string DecodeQuotedPrintable(std::string_view text);

// A header's value as UTF-8: "=?iso-8859-1?q?caf=E9?=" -> "café". White space is collapsed.
std::string DecodeHeader(std::string_view value);

// "text/plain; charset=utf-8; name*=utf-8''a%20b".
struct ParameterValue {
  std::string value;                              // what stands first, in lower case
  std::map<std::string, std::string> parameters;  // names in lower case; values as UTF-8
};
ParameterValue ReadParameters(std::string_view header);

}  // namespace footnote::indexer
