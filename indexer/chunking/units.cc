#include "indexer/chunking/units.h"

#include <algorithm>
#include <optional>

#include "common/text/sentences.h"
#include "common/text/utf8.h"
#include "indexer/text/clause.h"
#include "indexer/text/definition.h"

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

SentenceRules RulesOf(const Profile& profile) {
  SentenceRules rules;
  rules.abbreviations.insert(profile.sentence_abbreviations.begin(),
                             profile.sentence_abbreviations.end());
  rules.place_words.insert(profile.clause_words.begin(), profile.clause_words.end());
  return rules;
}

class UnitSplitter {
 public:
  UnitSplitter(const ParsedDocument& document, const Embedder& embedder, int max_unit_tokens,
               const Profile& profile)
      : document_(document),
        embedder_(embedder),
        max_unit_tokens_(std::max(max_unit_tokens, 1)),
        profile_(profile),
        sentence_rules_(RulesOf(profile)),
        has_usual_words_(profile.clause_words == DefaultClauseWords()) {}

  Units Split() {
    OpenSection({});
    for (const Block& block : document_.blocks) {
      const size_t begin = result_.units.size();
      AddBlock(block);
      result_.blocks.back().begin = begin;
      result_.blocks.back().end = result_.units.size();
    }
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

  std::optional<ClauseMark> MarkOf(std::string_view text) const {
    return ReadClauseMark(text, profile_.clause_words);
  }

  // Parsers know the usual words for clauses; the profile's may be others.
  BlockKind KindOf(const Block& block) const {
    if (has_usual_words_) return block.kind;
    const std::string_view text = Text(block.span);
    if (block.kind == BlockKind::kClause && !MarkOf(text)) return BlockKind::kParagraph;
    if (block.kind == BlockKind::kParagraph && MarkOf(text) && !ReadClauseMark(text)) {
      return BlockKind::kClause;
    }
    return block.kind;
  }

  void AddBlock(const Block& block) {
    const BlockKind kind = KindOf(block);
    result_.blocks.push_back({0, 0, kind, false, false, block.keep_with_next, block.level});
    if (kind == BlockKind::kHeading) {
      while (!levels_.empty() && levels_.back() >= block.level) {
        levels_.pop_back();
        path_.pop_back();
      }
      levels_.push_back(block.level);
      path_.push_back(block.heading);
      OpenSection(path_);
    } else if (kind == BlockKind::kClause) {
      LeaveSections(block);
    }
    ReadClause(kind, block);
    Joint joint = JointOf(kind, block);
    switch (kind) {
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
        for (const ByteSpan& sentence : SplitSentences(Text(block.span), sentence_rules_)) {
          const ByteSpan span = Shift(sentence, block.span.start);
          AddUnit(span, IsDefinitionInside(joint, span) ? Joint::kClause : joint, block);
          joint = Joint::kSentence;
        }
    }
    introduced_ = block.keep_with_next;
    previous_ = kind;
  }

  // A definition inside a paragraph is as good a place for a cut as a clause.
  bool IsDefinitionInside(Joint joint, const ByteSpan& sentence) const {
    return joint == Joint::kSentence && profile_.keep_definitions_whole &&
           BeginsDefinition(Text(sentence), profile_.clause_words);
  }

  // "7. Confidentiality means …" does not stand under the heading "6. Rights".
  void LeaveSections(const Block& block) {
    const auto mark = MarkOf(Text(block.span));
    if (!mark || mark->part) return;
    bool left = false;
    while (!path_.empty()) {
      const auto heading = MarkOf(path_.back());
      if (!heading || heading->part || heading->depth < mark->depth) break;
      path_.pop_back();
      levels_.pop_back();
      left = true;
    }
    if (left) OpenSection(path_);
  }

  static ByteSpan Shift(ByteSpan span, uint64_t by) { return {span.start + by, span.end + by}; }

  // Clauses are numbered in prose; the numbers of list items are not clauses.
  void ReadClause(BlockKind kind, const Block& block) {
    std::optional<ClauseMark> mark;
    if (kind == BlockKind::kHeading) {
      mark = MarkOf(block.heading);
      if (!mark) {
        clauses_.Leave();
        clause_ = -1;
      }
    } else if (kind == BlockKind::kClause) {
      mark = MarkOf(Text(block.span));
    }
    if (!mark) return;
    SetClause(clauses_.Enter(*mark));
    result_.blocks.back().is_clause = true;
    result_.blocks.back().is_part = mark->part;
  }

  void SetClause(const std::string& name) {
    if (result_.clauses.empty() || result_.clauses.back() != name) result_.clauses.push_back(name);
    clause_ = static_cast<int>(result_.clauses.size()) - 1;
  }

  Joint JointOf(BlockKind kind, const Block& block) const {
    if (!section_used_) return Joint::kSection;
    if (previous_ == BlockKind::kHeading) return Joint::kUnderHeading;
    if (kind == BlockKind::kTableRow && !block.first_row) return Joint::kTableRow;
    if (introduced_) return Joint::kIntroduced;
    if (kind == BlockKind::kClause) return Joint::kClause;
    if (kind == BlockKind::kListItem) return Joint::kListItem;
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
  const Profile& profile_;
  const SentenceRules sentence_rules_;
  const bool has_usual_words_;
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

Units SplitIntoUnits(const ParsedDocument& document, const Embedder& embedder, int max_unit_tokens,
                     const Profile& profile) {
  return UnitSplitter(document, embedder, max_unit_tokens, profile).Split();
}

}  // namespace footnote::indexer
