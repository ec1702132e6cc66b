// What elements of common XML vocabularies (DocBook, JATS, TEI, XHTML) are, by their local names.
#pragma once

#include <string_view>

namespace footnote::indexer {

enum class XmlKind {
  kOther,
  kHeading,
  kParagraph,
  kList,
  kOrderedList,
  kItem,
  kTerm,   // an entry of a list of terms: its first child is the term
  kTable,  // or a part of one that begins rows anew
  kRow,    // of a table
  kFloat,  // a figure or the like: its title is no heading
  kCode,
  kAdmonition,  // a note or warning that stands by itself
  kFootnote,
  kBreak,    // white space
  kDropped,  // deleted, or never shown
};

XmlKind KindOfXmlName(std::string_view name);

}  // namespace footnote::indexer
