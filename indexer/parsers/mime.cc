#include "indexer/parsers/mime.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>

#include "indexer/text/charset.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr int kMaxDepth = 32;        // of multiparts; real mail stays below ten
constexpr size_t kMostParts = 5000;  // of a message
constexpr size_t kMostHeaders = 1000;

std::string Lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return lower;
}

// Takes the first line off `text`, without its line end.
std::string_view TakeLine(std::string_view& text) {
  const size_t end = text.find('\n');
  std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

// Length of the name in "Name: value"; 0 when the line is no header.
size_t HeaderNameLength(std::string_view line) {
  constexpr size_t kLongest = 76;
  const size_t colon = line.substr(0, kLongest).find(':');
  if (colon == std::string_view::npos || colon == 0) return 0;
  const std::string_view name = line.substr(0, colon);
  return std::all_of(name.begin(), name.end(), [](char c) { return c > ' ' && c < 0x7F; }) ? colon
                                                                                           : 0;
}

// Takes the header block off `text`, with the blank line behind it.
std::vector<std::pair<std::string, std::string>> TakeHeaders(std::string_view& text) {
  std::vector<std::pair<std::string, std::string>> headers;
  while (!text.empty()) {
    const std::string_view before = text;
    const std::string_view line = TakeLine(text);
    if (line.empty()) break;
    if (line[0] == ' ' || line[0] == '\t') {
      if (!headers.empty()) headers.back().second += line;
      continue;
    }
    const size_t length = HeaderNameLength(line);
    if (length == 0) {
      // Not a header: the blank line is missing. What programs put before ("From ", ">From ") is
      // skipped.
      if (line.starts_with("From ") || line.starts_with(">From ")) continue;
      text = before;
      break;
    }
    if (headers.size() < kMostHeaders) {
      headers.emplace_back(Lower(line.substr(0, length)), line.substr(length + 1));
    }
  }
  return headers;
}

// Whether `line` is "--boundary" or, then `last` is set, "--boundary--".
bool IsBoundary(std::string_view line, std::string_view boundary, bool& last) {
  if (!line.starts_with("--") || line.substr(2, boundary.size()) != boundary) return false;
  const std::string_view rest = line.substr(2 + boundary.size());
  last = rest.starts_with("--");
  return TrimSpace(last ? rest.substr(2) : rest).empty();
}

std::vector<std::string_view> SplitParts(std::string_view body, std::string_view boundary) {
  std::vector<std::string_view> parts;
  std::string_view rest = body;
  const char* part = nullptr;  // where the open part begins
  while (!rest.empty()) {
    const char* line_start = rest.data();
    const std::string_view line = TakeLine(rest);
    bool last = false;
    if (!IsBoundary(line, boundary, last)) continue;
    if (part != nullptr) parts.emplace_back(part, static_cast<size_t>(line_start - part));
    part = last ? nullptr : rest.data();
    if (last || parts.size() > kMostParts) return parts;
  }
  // The message was cut off: what there is counts.
  if (part != nullptr && part != rest.data()) {
    parts.emplace_back(part, static_cast<size_t>(rest.data() - part));
  }
  return parts;
}

StatusOr<MimePart> ParsePart(std::string_view text, std::string_view default_type, int depth,
                             size_t& count) {
  if (++count > kMostParts) {
    return InvalidArgumentError("the message has more than " + std::to_string(kMostParts) +
                                " parts, which no mail has; it is damaged or hostile");
  }
  MimePart part;
  part.headers = TakeHeaders(text);
  part.body = text;
  part.type = ReadParameters(part.header("content-type"));
  if (part.type.value.find('/') == std::string::npos) part.type.value = default_type;
  part.disposition = ReadParameters(part.header("content-disposition"));
  const auto boundary = part.type.parameters.find("boundary");
  if (!part.type.value.starts_with("multipart/") || depth >= kMaxDepth ||
      boundary == part.type.parameters.end() || boundary->second.empty()) {
    return part;
  }
  const std::string_view inner_type =
      part.type.value == "multipart/digest" ? "message/rfc822" : "text/plain";
  for (const std::string_view inner : SplitParts(text, boundary->second)) {
    FOOTNOTE_ASSIGN_OR_RETURN(MimePart child, ParsePart(inner, inner_type, depth + 1, count));
    part.parts.push_back(std::move(child));
  }
  return part;
}

}  // namespace

std::string_view MimePart::header(std::string_view lower_name) const {
  for (const auto& [name, value] : headers) {
    if (name == lower_name) return value;
  }
  return {};
}

std::string MimePart::file_name() const {
  for (const auto& [value, name] :
       {std::pair(&disposition, "filename"), std::pair(&type, "name")}) {
    const auto found = value->parameters.find(name);
    if (found != value->parameters.end() && !found->second.empty()) return found->second;
  }
  return "";
}

std::string MimePart::Decode() const {
  const std::string encoding = Lower(TrimSpace(header("content-transfer-encoding")));
  if (encoding.starts_with("base64")) return DecodeBase64(body);
  if (encoding.starts_with("quoted-printable")) return DecodeQuotedPrintable(body);
  return std::string(body);
}

std::string MimePart::DecodeText() const {
  const auto charset = type.parameters.find("charset");
  return CleanText(DecodeToUtf8(Decode(), charset == type.parameters.end() ? "" : charset->second));
}

StatusOr<MimePart> ParseMime(std::string_view message) {
  size_t count = 0;
  return ParsePart(message, "text/plain", 0, count);
}

bool BeginsLikeMessage(std::string_view text) {
  static constexpr auto kNames = std::to_array<std::string_view>(
      {"from", "date", "subject", "message-id", "received", "mime-version"});
  std::set<std::string> found;
  while (!text.empty()) {
    const bool whole = text.find('\n') != std::string_view::npos;
    const std::string_view line = TakeLine(text);
    if (line.empty()) break;
    if (line[0] == ' ' || line[0] == '\t') {
      if (found.empty()) return false;
      continue;
    }
    const size_t length = HeaderNameLength(line);
    if (length == 0) {
      if (whole) return false;
      break;
    }
    std::string name = Lower(line.substr(0, length));
    if (std::find(kNames.begin(), kNames.end(), name) != kNames.end())
      found.insert(std::move(name));
  }
  return found.size() >= 2;
}

}  // namespace footnote::indexer
