#include "indexer/profile.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "common/config.h"
#include "common/file.h"
#include "common/sha256.h"
#include "indexer/profile_files.h"
#include "indexer/text/clause.h"

namespace footnote::indexer {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxProfileBytes = 4 << 20;

std::string AsciiLower(std::string text) {
  for (char& c : text) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return text;
}

void ReadCosts(ConfigTable& table, CutCosts& costs) {
  // As dear as leaving a heading alone at the end of a chunk.
  constexpr double kMost = 5;
  table.Real("clause", costs.clause, 0, kMost);
  table.Real("paragraph", costs.paragraph, 0, kMost);
  table.Real("list_item", costs.list_item, 0, kMost);
  table.Real("table_row", costs.table_row, 0, kMost);
  table.Real("introduced", costs.introduced, 0, kMost);
  table.Real("code_line", costs.code_line, 0, kMost);
  table.Real("sentence", costs.sentence, 0, kMost);
}

void ReadChunking(ConfigTable& table, Profile& profile) {
  if (table.Has("budget_tokens")) {
    int tokens = 0;
    table.Number("budget_tokens", tokens, 0, 8192);
    profile.budget_tokens = tokens;
  }
  ReadCosts(table.Table("costs"), profile.costs);
  table.Flag("keep_clauses_whole", profile.keep_clauses_whole);
  table.Flag("keep_definitions_whole", profile.keep_definitions_whole);
  table.Flag("keep_code_whole", profile.keep_code_whole);
  table.Flag("keep_lists_whole", profile.keep_lists_whole);
}

void ReadSentences(ConfigTable& table, Profile& profile) {
  std::vector<std::string> words;
  table.Texts("abbreviations", words);
  for (const std::string& word : words) {
    if (word.size() < 2 || word.back() != '.' || word.find_first_of(" \t\n") != std::string::npos) {
      table.AddMistake("abbreviations", "\"" + word +
                                            "\" is not one word with a full stop at its end, as "
                                            "\"approx.\" is");
      continue;
    }
    profile.sentence_abbreviations.push_back(AsciiLower(word.substr(0, word.size() - 1)));
  }
}

bool IsWordByte(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c & 0x80) != 0;
}

void ReadAbbreviations(ConfigTable& table, Profile& profile) {
  table.Flag("from_text", profile.abbreviations_from_text);
  table.OtherTexts(profile.abbreviations);
  for (const auto& [name, long_form] : profile.abbreviations) {
    if (name.size() < 2 || !IsWordByte(name[0]) ||
        name.find_first_of(" \t\n") != std::string::npos) {
      table.AddMistake(name, "is not one word of two characters or more");
    } else if (long_form.find_first_not_of(" \t\n") == std::string::npos) {
      table.AddMistake(name, "has no long form");
    }
  }
}

void ReadCitations(ConfigTable& table, Profile& profile) {
  if (!table.Has("words")) return;
  std::vector<std::string> words;
  table.Texts("words", words);
  profile.clause_words.clear();
  for (const std::string& word : words) {
    if (word.find_first_not_of(" \t\n") != 0 || word.ends_with(' ')) {
      table.AddMistake("words", "\"" + word + "\" is empty or has white space at an end");
      continue;
    }
    profile.clause_words.push_back(AsciiLower(word));
  }
}

bool IsPath(const std::string& name_or_path) {
  return name_or_path.find('/') != std::string::npos || name_or_path.ends_with(".toml");
}

// All settings in one order and form.
std::string Canonical(const Profile& profile) {
  std::string text;
  const auto field = [&](std::string_view value) {
    text += std::to_string(value.size()) + ":";
    text += value;
  };
  const auto words = [&](const std::vector<std::string>& list) {
    const std::set<std::string> sorted(list.begin(), list.end());
    field(std::to_string(sorted.size()));
    for (const std::string& word : sorted) field(word);
  };
  const CutCosts& costs = profile.costs;
  for (const double cost : {costs.clause, costs.paragraph, costs.list_item, costs.table_row,
                            costs.introduced, costs.code_line, costs.sentence}) {
    char number[32];
    std::snprintf(number, sizeof(number), "%.17g", cost);
    field(number);
  }
  for (const bool flag :
       {profile.keep_clauses_whole, profile.keep_definitions_whole, profile.keep_code_whole,
        profile.keep_lists_whole, profile.abbreviations_from_text}) {
    field(flag ? "true" : "false");
  }
  words(profile.sentence_abbreviations);
  words(profile.clause_words);
  field(std::to_string(profile.abbreviations.size()));
  for (const auto& [name, long_form] : profile.abbreviations) {
    field(name);
    field(long_form);
  }
  return text;
}

const ProfileFile* FindShipped(const std::string& name) {
  for (const ProfileFile& file : ProfileFiles()) {
    if (file.name == name + ".toml") return &file;
  }
  return nullptr;
}

}  // namespace

Profile::Profile() : name("general"), clause_words(DefaultClauseWords()) {}

// Without the budget: documents' fingerprints hold the one that the run comes to.
std::string Profile::Digest() const {
  static const std::string general = Canonical(Profile());
  const std::string canonical = Canonical(*this);
  return canonical == general ? "" : Sha256Hex(canonical);
}

std::vector<std::string> ProfileNames() {
  std::vector<std::string> names;
  for (const ProfileFile& file : ProfileFiles()) names.push_back(fs::path(file.name).stem());
  std::sort(names.begin(), names.end());
  return names;
}

StatusOr<ProfileSource> ReadProfileFile(const std::string& name,
                                        const std::vector<fs::path>& folders) {
  const ProfileFile* shipped = FindShipped(name);
  if (shipped == nullptr) {
    std::string names;
    for (const std::string& each : ProfileNames()) names += (names.empty() ? "" : ", ") + each;
    return NotFoundError("the profile \"" + name + "\" is not known; there are " + names +
                         ", and a file of your own is given by a path that ends in .toml");
  }
  for (const fs::path& folder : folders) {
    std::error_code error;
    const fs::path path = folder / shipped->name;
    if (!fs::exists(path, error)) continue;
    FOOTNOTE_ASSIGN_OR_RETURN(std::string text, ReadFile(path, kMaxProfileBytes));
    return ProfileSource{path.string(), std::move(text)};
  }
  return ProfileSource{std::string(shipped->name), std::string(shipped->bytes)};
}

StatusOr<Profile> LoadProfile(const std::string& name_or_path,
                              const std::vector<fs::path>& folders) {
  if (!IsPath(name_or_path)) {
    FOOTNOTE_ASSIGN_OR_RETURN(const ProfileSource source, ReadProfileFile(name_or_path, folders));
    return ParseProfile(source.text, source.file);
  }
  const StatusOr<std::string> text = ReadFile(name_or_path, kMaxProfileBytes);
  if (!text.ok()) return text.status().WithContext("the profile");
  return ParseProfile(*text, name_or_path);
}

StatusOr<Profile> ParseProfile(std::string_view text, const std::string& file) {
  FOOTNOTE_ASSIGN_OR_RETURN(ConfigFile config, ConfigFile::Parse(text, file));
  Profile profile;
  profile.name = fs::path(file).stem().string();
  ReadChunking(config.root().Table("chunking"), profile);
  ReadSentences(config.root().Table("sentences"), profile);
  ReadAbbreviations(config.root().Table("abbreviations"), profile);
  ReadCitations(config.root().Table("citations"), profile);
  FOOTNOTE_RETURN_IF_ERROR(config.Finish());
  return profile;
}

}  // namespace footnote::indexer
