#include "server/http_target.h"

#include "common/text/utf8.h"
#include "server/http_message.h"

namespace footnote::server {
namespace {

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

StatusOr<std::string> Decode(std::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded.push_back(' ');
      continue;
    }
    if (text[i] != '%') {
      decoded.push_back(text[i]);
      continue;
    }
    const int high = i + 2 < text.size() ? HexDigit(text[i + 1]) : -1;
    const int low = i + 2 < text.size() ? HexDigit(text[i + 2]) : -1;
    if (high < 0 || low < 0) {
      return InvalidArgumentError(Quoted(text) +
                                  " in the request's target holds a '%' without two hexadecimal "
                                  "digits: write %25 for '%'");
    }
    decoded.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  if (!IsValidUtf8(decoded) || decoded.find('\0') != std::string::npos) {
    return InvalidArgumentError(Quoted(text) +
                                " in the request's target is not percent-encoded UTF-8");
  }
  return decoded;
}

}  // namespace

StatusOr<std::vector<std::string>> ParsePath(std::string_view path) {
  if (path.empty() || path.front() != '/') {
    return InvalidArgumentError("the request's target must be a path that begins with '/'");
  }
  std::vector<std::string> segments;
  for (;;) {
    path.remove_prefix(1);
    const size_t slash = path.find('/');
    FOOTNOTE_ASSIGN_OR_RETURN(std::string segment, Decode(path.substr(0, slash), false));
    segments.push_back(std::move(segment));
    if (slash == std::string_view::npos) return segments;
    path.remove_prefix(slash);
  }
}

StatusOr<QueryParameters> ParseQuery(std::string_view query) {
  QueryParameters parameters;
  while (!query.empty()) {
    const size_t ampersand = query.find('&');
    const std::string_view pair = query.substr(0, ampersand);
    query.remove_prefix(ampersand == std::string_view::npos ? query.size() : ampersand + 1);
    if (pair.empty()) continue;
    const size_t equals = pair.find('=');
    FOOTNOTE_ASSIGN_OR_RETURN(std::string name, Decode(pair.substr(0, equals), true));
    std::string value;
    if (equals != std::string_view::npos) {
      FOOTNOTE_ASSIGN_OR_RETURN(value, Decode(pair.substr(equals + 1), true));
    }
    parameters.emplace_back(std::move(name), std::move(value));
  }
  return parameters;
}

}  // namespace footnote::server
