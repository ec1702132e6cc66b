// The access file: JSON lines {"document_id" or "prefix", "allow":[…], "deny":[…]}.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "common/status.h"
#include "retriever/access.h"

namespace footnote::indexer {

class AccessRules {
 public:
  // No rules.
  AccessRules() = default;

  // Errors: INVALID_ARGUMENT names file, line and mistake. A file with one bad line opens nothing:
  // it is an error as a whole.
  static StatusOr<AccessRules> Read(const std::filesystem::path& path);

  // The rule of the document itself, else that of the longest prefix of its id, else null.
  const retriever::AccessList* Find(const std::string& document_id) const;

  // Tells sets of rules apart.
  std::string Digest() const;

 private:
  std::map<std::string, retriever::AccessList> documents_;
  std::map<std::string, retriever::AccessList> prefixes_;
};

}  // namespace footnote::indexer
