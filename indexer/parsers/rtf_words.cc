#include "indexer/parsers/rtf_words.h"

#include <algorithm>
#include <array>
#include <utility>

namespace footnote::indexer {

bool IsSkippedDestination(std::string_view word) {
  static constexpr auto kWords = std::to_array<std::string_view>(
      {"aftncn",       "aftnsep",      "aftnsepc",  "annotation", "atnauthor",
       "atndate",      "atnicn",       "atnid",     "atnparent",  "atnref",
       "atntime",      "atrfend",      "atrfstart", "bkmkend",    "bkmkstart",
       "blipuid",      "colortbl",     "datafield", "datastore",  "docvar",
       "falt",         "filetbl",      "fldinst",   "footer",     "footerf",
       "footerl",      "footerr",      "formfield", "ftncn",      "ftnsep",
       "ftnsepc",      "generator",    "header",    "headerf",    "headerl",
       "headerr",      "latentstyles", "listtable", "mmathPict",  "nextfile",
       "nonesttables", "objalias",     "objclass",  "objdata",    "objname",
       "objsect",      "objtime",      "panose",    "pict",       "pnseclvl",
       "pntxta",       "pntxtb",       "private",   "revtbl",     "rsidtbl",
       "rxe",          "shppict",      "shprslt",   "sp",         "tc",
       "template",     "themedata",    "txe",       "userprops",  "xe"});
  return std::binary_search(kWords.begin(), kWords.end(), word);
}

std::string_view CharacterOfWord(std::string_view word) {
  static constexpr auto kCharacters =
      std::to_array<std::pair<std::string_view, std::string_view>>({{"_", "-"},
                                                                    {"bullet", "•"},
                                                                    {"emdash", "—"},
                                                                    {"emspace", " "},
                                                                    {"endash", "–"},
                                                                    {"enspace", " "},
                                                                    {"ldblquote", "“"},
                                                                    {"line", "\n"},
                                                                    {"lquote", "‘"},
                                                                    {"qmspace", " "},
                                                                    {"rdblquote", "”"},
                                                                    {"rquote", "’"},
                                                                    {"softline", "\n"},
                                                                    {"tab", " "},
                                                                    {"{", "{"},
                                                                    {"}", "}"},
                                                                    {"\\", "\\"},
                                                                    {"~", "\xC2\xA0"}});
  for (const auto& [name, character] : kCharacters) {
    if (name == word) return character;
  }
  return {};
}

}  // namespace footnote::indexer
