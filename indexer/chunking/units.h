// What the chunker puts together: sentences, table rows and code lines with their token counts, and
// the sections that they stand in.
#pragma once

#include <string>
#include <vector>

#include "common/embedder.h"
#include "indexer/parsers/parsed_document.h"
#include "indexer/profile.h"

namespace footnote::indexer {

// How a unit is joined to the one before it; the later, the worse is a cut between them.
enum class Joint {
  kSection,       // begins a section (its heading, or the document's first text)
  kUnderHeading,  // first text below a heading: never cut here if there is a choice
  kClause,        // begins a numbered clause
  kParagraph,     // begins a paragraph, a code block or a table
  kListItem,      // begins a list item
  kIntroduced,    // the unit before says "as follows:"
  kTableRow,
  kCodeLine,
  kSentence,  // inside a paragraph
  kPiece,     // inside a sentence that is longer than a chunk may be
};

struct Unit {
  ByteSpan span;
  int tokens = 0;  // by the embedder's tokenizer
  int section = 0;
  Joint joint = Joint::kSection;
  bool heading = false;
  int clause = -1;        // index into Units::clauses; -1: none
  int table_header = -1;  // of a later table row: the unit that names the columns
};

struct Section {
  std::vector<std::string> path;  // headings, outermost first, its own last
  int tokens = 0;                 // of all its units
  int content_tokens = 0;         // without its heading
};

// A block of the document: units [begin, end).
struct UnitBlock {
  size_t begin = 0;
  size_t end = 0;
  BlockKind kind = BlockKind::kParagraph;  // as the profile's words for clauses have it
  bool is_clause = false;                  // a clause or a heading that begins with a number
  bool is_part = false;                    // "(b)": of the clause before
  bool introduces = false;                 // what follows
  int level = 0;                           // as Block
};

struct Units {
  std::vector<Unit> units;
  std::vector<Section> sections;
  std::vector<std::string> clauses;
  std::vector<UnitBlock> blocks;
};

// Splits `document` into units of at most `max_unit_tokens`; only a sentence, row or line that is
// longer is cut, at white space. Each unit's tokens are counted once.
Units SplitIntoUnits(const ParsedDocument& document, const Embedder& embedder, int max_unit_tokens,
                     const Profile& profile);

}  // namespace footnote::indexer
