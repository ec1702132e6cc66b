#include "server/languages.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "common/file.h"

namespace footnote::server {
namespace {

struct NamedLanguage {
  std::string_view code;     // ISO 639-1
  std::string_view stemmer;  // Snowball's name
};
constexpr auto kStemmed = std::to_array<NamedLanguage>(
    {{"ar", "arabic"},     {"ca", "catalan"},  {"da", "danish"},     {"de", "german"},
     {"el", "greek"},      {"en", "english"},  {"es", "spanish"},    {"eu", "basque"},
     {"fi", "finnish"},    {"fr", "french"},   {"ga", "irish"},      {"hi", "hindi"},
     {"hu", "hungarian"},  {"hy", "armenian"}, {"id", "indonesian"}, {"it", "italian"},
     {"lt", "lithuanian"}, {"ne", "nepali"},   {"nl", "dutch"},      {"no", "norwegian"},
     {"pt", "portuguese"}, {"ro", "romanian"}, {"ru", "russian"},    {"sr", "serbian"},
     {"sv", "swedish"},    {"ta", "tamil"},    {"tr", "turkish"},    {"yi", "yiddish"}});

std::string_view Trim(std::string_view text) {
  constexpr std::string_view kAround = " \t\r\"'";
  const size_t first = text.find_first_not_of(kAround);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kAround) - first + 1);
}

// "zh-CN" -> "zh".
std::string CodeOf(std::string_view language) {
  std::string code(Trim(language));
  code.resize(std::min(code.find_first_of("-_"), code.size()));
  for (char& c : code) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return code;
}

// Documents in other languages than these, and of which: "300 de, 112 fr".
struct Foreign {
  int64_t count = 0;
  int64_t total = 0;
  std::string languages;
  bool too_many() const { return count * 5 > total; }
};

Foreign CountForeign(const std::map<std::string, int64_t>& documents,
                     const std::vector<std::string>& known) {
  Foreign foreign;
  std::vector<std::pair<int64_t, std::string>> most_first;
  for (const auto& [language, count] : documents) {
    foreign.total += count;
    if (language.empty() || std::find(known.begin(), known.end(), language) != known.end())
      continue;
    foreign.count += count;
    most_first.emplace_back(-count, language);
  }
  std::sort(most_first.begin(), most_first.end());
  for (const auto& [count, language] : most_first) {
    foreign.languages +=
        (foreign.languages.empty() ? "" : ", ") + std::to_string(-count) + " " + language;
  }
  return foreign;
}

std::string Counts(const Foreign& foreign) {
  return std::to_string(foreign.count) + " of " + std::to_string(foreign.total) + " documents (" +
         foreign.languages + ")";
}

}  // namespace

std::vector<std::string> LanguagesOfReadme(std::string_view readme) {
  if (!readme.starts_with("---")) return {};
  std::vector<std::string> languages;
  bool in_list = false;  // below "language:"
  for (size_t at = readme.find('\n'); at != std::string_view::npos;) {
    const size_t end = std::min(readme.find('\n', at + 1), readme.size());
    const std::string_view line = readme.substr(at + 1, end - at - 1);
    at = end < readme.size() ? end : std::string_view::npos;
    if (line.starts_with("---")) break;
    const std::string_view item = Trim(line);
    if (in_list && item.starts_with('-')) {
      languages.push_back(CodeOf(item.substr(1)));
      continue;
    }
    constexpr std::string_view kKey = "language:";
    in_list = line.starts_with(kKey);
    if (!in_list) continue;
    std::string_view value = Trim(line.substr(kKey.size()));
    if (value.starts_with('[')) value.remove_prefix(1);
    if (value.ends_with(']')) value.remove_suffix(1);
    while (!value.empty()) {
      const size_t comma = std::min(value.find(','), value.size());
      languages.push_back(CodeOf(value.substr(0, comma)));
      value.remove_prefix(std::min(comma + 1, value.size()));
    }
  }
  if (std::find(languages.begin(), languages.end(), "multilingual") != languages.end()) return {};
  return languages;
}

std::vector<std::string> LanguagesOfModel(const std::filesystem::path& model) {
  constexpr size_t kMaxReadmeBytes = 4 << 20;
  const StatusOr<std::string> readme = ReadFile(model / "README.md", kMaxReadmeBytes);
  return readme.ok() ? LanguagesOfReadme(*readme) : std::vector<std::string>();
}

std::vector<std::string> LanguageWarnings(const std::map<std::string, int64_t>& documents,
                                          const LanguageSupport& support) {
  std::vector<std::string> warnings;
  if (!support.embedder_languages.empty()) {
    const Foreign foreign = CountForeign(documents, support.embedder_languages);
    std::string known;
    for (const std::string& each : support.embedder_languages) {
      known += (known.empty() ? "" : ", ") + each;
    }
    if (foreign.too_many()) {
      warnings.push_back(
          Counts(foreign) + " are in a language that the embedder " + support.embedder +
          " does not know (it knows " + known +
          "), so that questions find them badly by meaning: use an embedder of these "
          "languages, for a corpus that is there with `footnote corpus reembed`");
    }
  }
  const auto* const stemmed =
      std::find_if(kStemmed.begin(), kStemmed.end(),
                   [&](const NamedLanguage& each) { return each.stemmer == support.stemmer; });
  if (stemmed != kStemmed.end()) {
    const Foreign foreign = CountForeign(documents, {std::string(stemmed->code)});
    if (foreign.too_many()) {
      warnings.push_back(Counts(foreign) +
                         " are in another language than the one whose rules the "
                         "corpus stems words by (" +
                         support.stemmer +
                         "), so that words are found in the form they are written in, and other "
                         "forms are not");
    }
  }
  return warnings;
}

}  // namespace footnote::server
