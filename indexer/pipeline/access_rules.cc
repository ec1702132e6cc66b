#include "indexer/pipeline/access_rules.h"

#include <cerrno>
#include <fstream>

#include "common/sha256.h"

namespace footnote::indexer {
namespace {

// JSON lines begin with "{", which no TOML file does.
StatusOr<bool> IsJsonLines(const std::filesystem::path& path) {
  errno = 0;
  std::ifstream file(path, std::ios::binary);
  if (!file) return ErrnoError("cannot open " + path.string(), errno == 0 ? EIO : errno);
  char c = ' ';
  while (file.get(c) && (c == ' ' || (c >= '\t' && c <= '\r'))) continue;
  return file && c == '{';
}

}  // namespace

StatusOr<AccessRules> AccessRules::Read(const std::filesystem::path& path) {
  FOOTNOTE_ASSIGN_OR_RETURN(const bool is_json_lines, IsJsonLines(path));
  return is_json_lines ? ReadJsonLines(path) : ReadToml(path);
}

std::string AccessRules::Digest() const {
  Sha256 hash;
  for (const auto* rules : {&documents_, &prefixes_}) {
    for (const auto& [name, access] : *rules) {
      hash.Update(std::to_string(name.size()));
      hash.Update(":");
      hash.Update(name);
      hash.Update(retriever::DigestOf(access));
    }
    hash.Update("|");
  }
  if (default_) hash.Update("default" + retriever::DigestOf(*default_));
  return hash.FinishHex();
}

const retriever::AccessList* AccessRules::Find(const std::string& document_id) const {
  const retriever::AccessList* rule = FindRule(document_id);
  return rule == nullptr && default_ ? &*default_ : rule;
}

const retriever::AccessList* AccessRules::FindRule(const std::string& document_id) const {
  const auto exact = documents_.find(document_id);
  if (exact != documents_.end()) return &exact->second;
  // Prefixes of the id are neighbours in order: each step back either is one or shortens what can
  // be one.
  std::string bound = document_id;
  while (true) {
    auto next = prefixes_.upper_bound(bound);
    if (next == prefixes_.begin()) return nullptr;
    --next;
    if (document_id.starts_with(next->first)) return &next->second;
    size_t common = 0;
    while (common < next->first.size() && common < document_id.size() &&
           next->first[common] == document_id[common]) {
      ++common;
    }
    bound = document_id.substr(0, common);
  }
}

}  // namespace footnote::indexer
