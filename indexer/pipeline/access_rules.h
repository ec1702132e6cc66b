// The access file: who may see which documents, as the operator says.
//
// TOML: tables [[rule]] with exactly one of document (an id), folder ("contracts/acme": ids below
// it) and prefix (of the id), and lists allow and deny; a table [default] with such lists for
// documents that no rule names. Or JSON lines {"document_id" or "prefix", "allow":[…], "deny":[…]}:
// a file whose first character is "{". An example is docs/examples/access.toml.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "common/status.h"
#include "retriever/access.h"

namespace footnote::indexer {

class AccessRules {
 public:
  // No rules.
  AccessRules() = default;

  // Errors: INVALID_ARGUMENT names file, line and mistake. A file with one mistake opens nothing:
  // it is an error as a whole.
  static StatusOr<AccessRules> Read(const std::filesystem::path& path);

  // The most specific rule: the document's own, else that of the longest folder or prefix, else the
  // default, else null.
  const retriever::AccessList* Find(const std::string& document_id) const;
  // The same without the default: a document's own list goes before that, but behind a rule.
  const retriever::AccessList* FindRule(const std::string& document_id) const;

  // Tells sets of rules apart.
  std::string Digest() const;

 private:
  static StatusOr<AccessRules> ReadJsonLines(const std::filesystem::path& path);
  static StatusOr<AccessRules> ReadToml(const std::filesystem::path& path);

  std::map<std::string, retriever::AccessList> documents_;
  std::map<std::string, retriever::AccessList> prefixes_;
  std::optional<retriever::AccessList> default_;
};

}  // namespace footnote::indexer
