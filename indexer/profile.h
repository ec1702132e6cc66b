// How the documents of one field (law, medicine, technology) are cut into chunks, and what is added
// to them. A profile is a TOML file; the shipped ones explain every key: indexer/profiles.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"

namespace footnote::indexer {

// What a cut costs before a unit of that kind, in chunks: a chunk costs 1, so a cut that saves none
// is taken only where it is free.
struct CutCosts {
  double clause = 0.05;
  double paragraph = 0.15;
  double list_item = 0.3;
  double table_row = 0.4;
  double introduced = 0.6;  // between "as follows:" and what follows
  double code_line = 0.6;
  double sentence = 0.7;
};

struct Profile {
  Profile();  // "general"

  std::string name;       // for people
  int budget_tokens = 0;  // of a chunk; 0: what suits the embedder
  CutCosts costs;
  // What fits the budget is not cut: a clause with its parts, a definition ("Term" means …), a
  // block of code with the line that introduces it, a list with the line that introduces it.
  bool keep_clauses_whole = false;
  bool keep_definitions_whole = false;
  bool keep_code_whole = false;
  bool keep_lists_whole = false;
  // In lower case (ASCII), without their last full stop; see SentenceRules.
  std::vector<std::string> sentence_abbreviations;
  // "MI" -> "myocardial infarction": said in the context of a chunk that has only the short form.
  std::map<std::string, std::string> abbreviations;
  bool abbreviations_from_text = false;   // also those that a document defines: "long form (LF)"
  std::vector<std::string> clause_words;  // in lower case; see ReadClauseMark

  // Tells apart what makes other chunks, whatever the file looks like; empty for "general", and for
  // every profile that says the same.
  std::string Digest() const;
};

// Names of the shipped profiles, sorted.
std::vector<std::string> ProfileNames();

struct ProfileSource {
  std::string file;  // what errors call it: a path, or "legal.toml" inside this program
  std::string text;
};

// The file of a shipped profile: NAME.toml in the first of `folders` that has one, else the one
// inside this program. NOT_FOUND lists the names.
StatusOr<ProfileSource> ReadProfileFile(const std::string& name,
                                        const std::vector<std::filesystem::path>& folders);

// A shipped profile by its name, or a file by its path, which holds a "/" or ends in ".toml".
// Errors: NOT_FOUND; INVALID_ARGUMENT names file, line and what is expected there.
StatusOr<Profile> LoadProfile(const std::string& name_or_path,
                              const std::vector<std::filesystem::path>& folders);

// `file` is what errors call it.
StatusOr<Profile> ParseProfile(std::string_view text, const std::string& file);

}  // namespace footnote::indexer
