// Access rules as TOML, as people write them.

#include "common/config.h"
#include "common/file.h"
#include "indexer/pipeline/access_rules.h"

namespace footnote::indexer {
namespace {

void ReadPrincipals(ConfigTable& table, const std::string& key,
                    std::vector<std::string>& principals) {
  table.Texts(key, principals);
  for (const std::string& principal : principals) {
    const Status status = retriever::CheckPrincipal(principal);
    if (!status.ok()) table.AddMistake(key, status.message());
  }
}

retriever::AccessList ReadList(ConfigTable& table) {
  retriever::AccessList access;
  ReadPrincipals(table, "allow", access.allow);
  ReadPrincipals(table, "deny", access.deny);
  if (!table.Has("allow") && !table.Has("deny")) {
    table.AddMistake("", "needs allow, deny or both");
  }
  return access;
}

void ReadRule(ConfigTable& table, std::map<std::string, retriever::AccessList>& documents,
              std::map<std::string, retriever::AccessList>& prefixes) {
  const retriever::AccessList access = ReadList(table);
  std::string names[3];
  const char* const keys[] = {"document", "folder", "prefix"};
  int found = -1;
  int count = 0;
  for (int i = 0; i < 3; ++i) {
    table.Text(keys[i], names[i]);
    if (!table.Has(keys[i])) continue;
    found = i;
    ++count;
  }
  if (count != 1) {
    table.AddMistake("", "needs exactly one of document, folder, prefix");
    return;
  }
  std::string& name = names[found];
  if (found == 1) {
    while (name.ends_with('/')) name.pop_back();
    if (name.empty()) {
      table.AddMistake("folder", "names no folder; a table [default] is for all documents");
    }
    name += '/';
  }
  if (!(found == 0 ? documents : prefixes).emplace(name, access).second) {
    table.AddMistake(keys[found], "a second rule for the same documents");
  }
}

}  // namespace

StatusOr<AccessRules> AccessRules::ReadToml(const std::filesystem::path& path) {
  FOOTNOTE_ASSIGN_OR_RETURN(ConfigFile file, ConfigFile::Read(path, "the access file"));
  AccessRules rules;
  for (ConfigTable* table : file.root().Tables("rule")) {
    ReadRule(*table, rules.documents_, rules.prefixes_);
  }
  const bool has_default = file.root().Has("default");
  ConfigTable& table = file.root().Table("default");
  if (has_default) rules.default_ = ReadList(table);
  FOOTNOTE_RETURN_IF_ERROR(file.Finish());
  return rules;
}

}  // namespace footnote::indexer
