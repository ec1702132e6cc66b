// What a parser makes of a source: text, and where its structure lies in that text.
//
// Spans are bytes into `text`, end exclusive. Blocks are in order, do not overlap, and together
// hold every character of `text` that is not white space.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/types.h"
#include "retriever/document.h"

namespace footnote::indexer {

enum class BlockKind {
  kHeading,
  kParagraph,
  kClause,  // a paragraph that begins with a clause number
  kListItem,
  kTableRow,  // cells separated by " | "
  kCode,
};

struct Block {
  BlockKind kind = BlockKind::kParagraph;
  ByteSpan span;
  int level = 0;                // heading: 1 outermost; list item: depth, 1 outermost
  std::string heading;          // of a heading: its text without marks such as "##"
  bool first_row = false;       // of a table row: begins a table, and names its columns
  bool keep_with_next = false;  // introduces what follows: "You need:"
};

struct ParsedDocument {
  std::string id;  // as retriever::Document
  std::string title;
  std::string source;  // path of the file
  std::string text;
  std::vector<Block> blocks;
  std::vector<uint64_t> page_starts;  // offset of each page, the first is 0; empty: no pages
  retriever::Metadata metadata;
  std::optional<retriever::AccessList> access;
  uint64_t source_bytes_end = 0;  // bytes of the file read when this document ended; 0: unknown
};

}  // namespace footnote::indexer
