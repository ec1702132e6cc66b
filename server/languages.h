// Whether a run's documents are in languages that the embedder and the stemmer know.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::server {

// Languages (ISO 639-1) that a model says it knows: `language` in the front matter of README.md in
// its folder. Empty when it says nothing, or "multilingual".
std::vector<std::string> LanguagesOfModel(const std::filesystem::path& model);
// The same of a README's text.
std::vector<std::string> LanguagesOfReadme(std::string_view readme);

struct LanguageSupport {
  std::string embedder;                         // its name
  std::vector<std::string> embedder_languages;  // ISO 639-1; empty: not known
  std::string stemmer;                          // a Snowball name, "" for none
};

// One sentence for each of embedder and stemmer that does not know the languages of more than a
// fifth of the documents. `documents`: their number by language, "" for those whose is not known.
std::vector<std::string> LanguageWarnings(const std::map<std::string, int64_t>& documents,
                                          const LanguageSupport& support);

}  // namespace footnote::server
