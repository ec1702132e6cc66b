// A mail message as a tree of its parts.
//
// Source: RFC 5322 (messages), RFC 2046 (multipart).
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/status.h"
#include "indexer/parsers/mime_decode.h"

namespace footnote::indexer {

struct MimePart {
  std::vector<std::pair<std::string, std::string>> headers;  // name in lower case; value unfolded
  std::string_view body;                                     // of the message; still encoded
  ParameterValue type;                                       // "text/plain" when it names none
  ParameterValue disposition;
  std::vector<MimePart> parts;  // of a multipart

  // The first header of that name, as it stands; empty when there is none.
  std::string_view header(std::string_view lower_name) const;
  // The file's name that the part gives itself, perhaps empty.
  std::string file_name() const;
  // The body's bytes.
  std::string Decode() const;
  // The body of a text part as clean UTF-8.
  std::string DecodeText() const;
};

// Parts point into `message`. Those nested deeper than mail ever is stay undivided. Errors:
// INVALID_ARGUMENT when it has far more parts than mail has.
StatusOr<MimePart> ParseMime(std::string_view message);

// Whether `text` begins with a header block of a message: at least two of the headers that mail
// has. It may be cut off.
bool BeginsLikeMessage(std::string_view text);

}  // namespace footnote::indexer
