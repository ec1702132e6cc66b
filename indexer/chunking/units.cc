#include "indexer/chunking/units.h"

#include <algorithm>

#include "common/text/sentences.h"
#include "common/text/utf8.h"
#include "indexer/text/clause.h"

namespace footnote::indexer {
namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Lines of a block that have something in them, without white space at their ends.
std::vector<ByteSpan> SplitCodeLines(std::string_view text) {
  std::vector<ByteSpan> lines;
  for (size_t at = 0; at < text.size();) {
    const size_t newline = std::min(text.find('\n', at), text.size());
    size_t start = at;
    size_t end = newline;
    while (start < end && IsSpace(text[start])) ++start;
    while (end > start && IsSpace(text[end - 1])) --end;
    if (start < end) lines.push_back({start, end});
    at = newline + 1;
  }
  return lines;
}

class UnitSplitter {
 public:
  UnitSplitter(const ParsedDocument& document, const Embedder& embedder, int max_unit_tokens)
      : document_(document), embedder_(embedder), max_unit_tokens_(std::max(max_unit_tokens, 1)) {}

  Units Split() {
    OpenSection({});
    for (const Block& block : document_.blocks) AddBlock(block);
    return std::move(result_);
  }

 private:
  std::string_view Text(const ByteSpan& span) const {
    return std::string_view(document_.text).substr(span.start, span.size());
  }

  void OpenSection(std::vector<std::string> path) {
    if (!result_.sections.empty() && !section_used_) {
      result_.sections.back().path = std::move(path);  // nothing before the first heading
    } else {
      result_.sections.push_back({std::move(path), 0, 0});
    }
    section_used_ = false;
  }

  void AddBlock(const Block& block) {
    if (block.kind == BlockKind::kHeading) {
      while (!levels_.empty() && levels_.back() >= block.level) {
        levels_.pop_back();
        path_.pop_back();
      }
      levels_.push_back(block.level);
      path_.push_back(block.heading);
      OpenSection(path_);
    } else if (block.kind == BlockKind::kClause) {
      LeaveSections(block);
    }
    ReadClause(block);
    Joint joint = JointOf(block);
    switch (block.kind) {
      case BlockKind::kCode:
        for (const ByteSpan& line : SplitCodeLines(Text(block.span))) {
          AddUnit(Shift(line, block.span.start), joint, block);
          joint = Joint::kCodeLine;
        }
        break;
      case BlockKind::kTableRow:
      case BlockKind::kHeading:
        AddUnit(block.span, joint, block);
        break;
      default:
        for (const ByteSpan& sentence : SplitSentences(Text(block.span))) {
          AddUnit(Shift(sentence, block.span.start), joint, block);
          joint = Joint::kSentence;
        }
    }
    introduced_ = block.keep_with_next;
    previous_ = block.kind;
  }

  // "7. Confidentiality means …" does not stand under the heading "6. Rights".
  void LeaveSections(const Block& block) {
    const auto mark = ReadClauseMark(Text(block.span));
    if (!mark || mark->part) return;
    bool left = false;
    while (!path_.empty()) {
      const auto heading = ReadClauseMark(path_.back());
      if (!heading || heading->part || heading->depth < mark->depth) break;
      path_.pop_back();
      levels_.pop_back();
      left = true;
    }
    if (left) OpenSection(path_);
  }

  static ByteSpan Shift(ByteSpan span, uint64_t by) { return {span.start + by, span.end + by}; }

  // Clauses are numbered in prose; the numbers of list items are not clauses.
  void ReadClause(const Block& block) {
    if (block.kind == BlockKind::kHeading) {
      const auto mark = ReadClauseMark(block.heading);
      if (mark) {
        SetClause(clauses_.Enter(*mark));
      } else {
        clauses_.Leave();
        clause_ = -1;
      }
    } else if (block.kind == BlockKind::kClause) {
      if (const auto mark = ReadClauseMark(Text(block.span))) SetClause(clauses_.Enter(*mark));
    }
  }

  void SetClause(const std::string& name) {
    if (result_.clauses.empty() || result_.clauses.back() != name) result_.clauses.push_back(name);
    clause_ = static_cast<int>(result_.clauses.size()) - 1;
  }

  Joint JointOf(const Block& block) const {
    if (!section_used_) return Joint::kSection;
    if (previous_ == BlockKind::kHeading) return Joint::kUnderHeading;
    if (block.kind == BlockKind::kTableRow && !block.first_row) return Joint::kTableRow;
    if (introduced_) return Joint::kIntroduced;
    if (block.kind == BlockKind::kClause) return Joint::kClause;
    if (block.kind == BlockKind::kListItem) return Joint::kListItem;
    return Joint::kParagraph;
  }

  void AddUnit(ByteSpan span, Joint joint, const Block& block) {
    const int tokens = embedder_.CountTokens(Text(span));
    if (tokens <= max_unit_tokens_) {
      Push(span, tokens, joint, block);
    } else {
      AddPieces(span, joint, block);
    }
  }

  // A unit that is too long: words up to the budget make a piece.
  void AddPieces(ByteSpan span, Joint joint, const Block& block) {
    const std::string_view text = document_.text;
    ByteSpan piece;
    int piece_tokens = 0;
    const auto flush = [&] {
      if (piece.empty()) return;
      Push(piece, piece_tokens, joint, block);
      joint = Joint::kPiece;
      piece = {};
      piece_tokens = 0;
    };
    for (uint64_t at = span.start; at < span.end;) {
      while (at < span.end && IsSpace(text[at])) ++at;
      uint64_t end = at;
      while (end < span.end && !IsSpace(text[end])) ++end;
      for (const ByteSpan& word : SplitLongWord({at, end})) {
        const int tokens = embedder_.CountTokens(Text(word));
        if (piece_tokens + tokens > max_unit_tokens_) flush();
        if (piece.empty()) piece.start = word.start;
        piece.end = word.end;
        piece_tokens += tokens;
      }
      at = end;
    }
    flush();
  }

  // Text without white space (base64, some scripts) is cut between characters when a "word" alone
  // is over the budget. A token has at least one byte, so short words need no count.
  std::vector<ByteSpan> SplitLongWord(ByteSpan word) const {
    if (word.empty()) return {};
    if (word.size() <= static_cast<uint64_t>(max_unit_tokens_)) return {word};
    if (embedder_.CountTokens(Text(word)) <= max_unit_tokens_) return {word};
    std::vector<ByteSpan> parts;
    for (uint64_t at = word.start; at < word.end;) {
      uint64_t end = std::min<uint64_t>(at + static_cast<uint64_t>(max_unit_tokens_), word.end);
      if (end < word.end) end = Utf8Floor(document_.text, end);
      if (end <= at) {
        size_t next = at;
        DecodeUtf8(document_.text, next);
        end = std::min<uint64_t>(next, word.end);
      }
      parts.push_back({at, end});
      at = end;
    }
    return parts;
  }

  void Push(ByteSpan span, int tokens, Joint joint, const Block& block) {
    Unit unit;
    unit.span = span;
    unit.tokens = tokens;
    unit.section = static_cast<int>(result_.sections.size()) - 1;
    unit.joint = joint;
    unit.heading = block.kind == BlockKind::kHeading;
    unit.clause = clause_;
    if (block.kind == BlockKind::kTableRow) {
      if (block.first_row) table_header_ = static_cast<int>(result_.units.size());
      if (!block.first_row) unit.table_header = table_header_;
    } else {
      table_header_ = -1;
    }
    Section& section = result_.sections.back();
    section.tokens += tokens;
    if (!unit.heading) section.content_tokens += tokens;
    section_used_ = true;
    result_.units.push_back(unit);
  }

  const ParsedDocument& document_;
  const Embedder& embedder_;
  const int max_unit_tokens_;
  Units result_;
  std::vector<int> levels_;
  std::vector<std::string> path_;
  ClauseTracker clauses_;
  int clause_ = -1;
  int table_header_ = -1;
  BlockKind previous_ = BlockKind::kParagraph;
  bool introduced_ = false;
  bool section_used_ = false;  // the open section has a unit
};

}  // namespace

Units SplitIntoUnits(const ParsedDocument& document, const Embedder& embedder,
                     int max_unit_tokens) {
  return UnitSplitter(document, embedder, max_unit_tokens).Split();
}

}  // namespace footnote::indexer
