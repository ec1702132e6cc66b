// What RTF's control words mean for text.
#pragma once

#include <string_view>

namespace footnote::indexer {

// Whether the group that this word begins holds no text of the document: pictures, fields' codes,
// headers, tables of the writer's own. Footnotes, text boxes and results of fields do.
bool IsSkippedDestination(std::string_view word);

// UTF-8 of a word or symbol that is a character: "emdash", "~"; empty when it is none.
std::string_view CharacterOfWord(std::string_view word);

}  // namespace footnote::indexer
