// What a run leaves for the next about a file that it read: how the file looked, and which
// documents it gave. A file that still looks so, and whose documents are still in the corpus, is
// not read again.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "indexer/pipeline/discover.h"

namespace footnote::indexer {

struct ReadNote {
  FileIdentity identity;
  std::string settings;     // digest of all that decides how files are read and cut
  std::string rules;        // digest of the access rules
  bool own_access = false;  // some document gave its own access list
  struct Document {
    std::string id;
    std::string digest;  // DigestOfState
  };
  std::vector<Document> documents;
};

// Tells states of a document apart: 16 bytes.
std::string DigestOfState(std::string_view version, std::string_view fingerprint);

std::string EncodeNote(const ReadNote& note);
// Nothing when it is not a note, or one of another release.
std::optional<ReadNote> DecodeNote(std::string_view bytes);

// A file that changed less than two seconds before it was looked at may change again without
// looking different: clocks of file systems are coarse. No note is left about it.
bool IsSettled(const FileIdentity& identity, int64_t looked_at_ns);

}  // namespace footnote::indexer
