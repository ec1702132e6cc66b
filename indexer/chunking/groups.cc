#include "indexer/chunking/groups.h"

#include <string>

#include "indexer/text/definition.h"

namespace footnote::indexer {
namespace {

// "7.3" holds "7.3(a)" and "7.3.1", not "7.31".
bool IsWithin(const std::string& clause, const std::string& whole) {
  return clause.size() > whole.size() && clause.starts_with(whole) &&
         (clause[whole.size()] == '.' || clause[whole.size()] == '(');
}

class GroupFinder {
 public:
  GroupFinder(const ParsedDocument& document, const Units& units, const Profile& profile,
              int most_tokens)
      : document_(document), units_(units), profile_(profile), most_tokens_(most_tokens) {}

  std::vector<UnitRange> Find() {
    for (size_t i = 0; i < units_.blocks.size(); ++i) {
      if (block(i).begin == block(i).end) continue;
      if (profile_.keep_clauses_whole && block(i).is_clause) AddClause(i);
      if (profile_.keep_definitions_whole) AddDefinitions(i);
      if (profile_.keep_code_whole && block(i).kind == BlockKind::kCode) AddCode(i);
      if (profile_.keep_lists_whole && block(i).introduces) AddList(i);
    }
    return std::move(groups_);
  }

 private:
  const UnitBlock& block(size_t i) const { return units_.blocks[i]; }
  int SectionOf(size_t i) const { return units_.units[block(i).begin].section; }
  bool IsList(size_t i) const {
    return block(i).kind == BlockKind::kListItem || (block(i).is_clause && block(i).is_part);
  }
  // Whether the block has units and stands in the section of block `first`.
  bool Continues(size_t first, size_t i) const {
    return i < units_.blocks.size() && block(i).begin < block(i).end &&
           SectionOf(i) == SectionOf(first);
  }

  void Add(size_t begin, size_t end) {
    if (end - begin < 2) return;
    int tokens = 0;
    for (size_t i = begin; i < end && tokens <= most_tokens_; ++i) tokens += units_.units[i].tokens;
    if (tokens <= most_tokens_) groups_.push_back({begin, end});
  }

  int TokensOf(size_t i) const {
    int tokens = 0;
    for (size_t unit = block(i).begin; unit < block(i).end; ++unit) {
      tokens += units_.units[unit].tokens;
    }
    return tokens;
  }

  const std::string& NameOf(size_t i) const {
    static const std::string none;
    const int clause = units_.units[block(i).begin].clause;
    return clause < 0 ? none : units_.clauses[static_cast<size_t>(clause)];
  }

  // The clause's own block; and with all that stands below its number.
  void AddClause(size_t i) {
    Add(block(i).begin, block(i).end);
    int tokens = TokensOf(i);
    size_t last = i;
    while (tokens <= most_tokens_ && Continues(i, last + 1) && IsBelow(i, last + 1)) {
      ++last;
      tokens += TokensOf(last);
    }
    if (last > i) Add(block(i).begin, block(last).end);
  }

  bool IsBelow(size_t whole, size_t i) const {
    if (block(i).is_clause) return IsWithin(NameOf(i), NameOf(whole));
    // Text behind the last part of a clause is rarely the part's.
    return NameOf(i) == NameOf(whole) && !block(whole).is_part;
  }

  // Each definition up to the next in its block, the last with its parts.
  void AddDefinitions(size_t i) {
    const BlockKind kind = block(i).kind;
    if (kind == BlockKind::kHeading || kind == BlockKind::kCode || kind == BlockKind::kTableRow) {
      return;
    }
    size_t begin = block(i).end;
    for (size_t unit = block(i).begin; unit < block(i).end; ++unit) {
      if (!IsDefinition(unit)) continue;
      if (begin < unit) Add(begin, unit);
      begin = unit;
    }
    if (begin == block(i).end) return;
    Add(begin, block(i).end);
    int tokens = TokensOf(i);
    size_t last = i;
    while (tokens <= most_tokens_ && Continues(i, last + 1) && IsList(last + 1) &&
           !IsDefinition(block(last + 1).begin) && !IsSibling(i, last + 1)) {
      ++last;
      tokens += TokensOf(last);
    }
    if (last > i) Add(begin, block(last).end);
  }

  bool IsDefinition(size_t unit) const {
    const ByteSpan& span = units_.units[unit].span;
    return BeginsDefinition(std::string_view(document_.text).substr(span.start, span.size()),
                            profile_.clause_words);
  }

  // "(b)" is no part of "(a)", nor is what stands below "(b)"; nor an item of that of its level.
  bool IsSibling(size_t first, size_t i) const {
    if (block(first).kind == BlockKind::kListItem && block(i).kind == BlockKind::kListItem) {
      return block(i).level <= block(first).level;
    }
    if (!block(first).is_clause || !block(i).is_clause) return false;
    return !IsWithin(NameOf(i), NameOf(first));
  }

  void AddCode(size_t i) {
    Add(block(i).begin, block(i).end);
    if (i > 0 && block(i - 1).introduces && Continues(i, i - 1)) {
      Add(block(i - 1).end - 1, block(i).end);
    }
  }

  // The sentence that introduces the list, and all items.
  void AddList(size_t i) {
    int tokens = 0;
    size_t last = i;
    while (tokens <= most_tokens_ && Continues(i, last + 1) && IsList(last + 1) &&
           !IsSibling(i, last + 1)) {
      ++last;
      tokens += TokensOf(last);
    }
    if (last > i) Add(block(i).end - 1, block(last).end);
  }

  const ParsedDocument& document_;
  const Units& units_;
  const Profile& profile_;
  const int most_tokens_;
  std::vector<UnitRange> groups_;
};

}  // namespace

std::vector<UnitRange> FindGroups(const ParsedDocument& document, const Units& units,
                                  const Profile& profile, int most_tokens) {
  if (!profile.keep_clauses_whole && !profile.keep_definitions_whole && !profile.keep_code_whole &&
      !profile.keep_lists_whole) {
    return {};
  }
  return GroupFinder(document, units, profile, most_tokens).Find();
}

}  // namespace footnote::indexer
