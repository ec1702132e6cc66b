#include "indexer/chunking/chunker.h"

#include <algorithm>
#include <limits>

#include "indexer/chunking/abbreviations.h"
#include "indexer/chunking/context.h"
#include "indexer/chunking/groups.h"
#include "indexer/chunking/units.h"

namespace footnote::indexer {
namespace {

constexpr int kMostBudgetTokens = 180;
constexpr int kLeastBudgetTokens = 16;

// In chunks, as CutCosts.
constexpr double kUnderHeadingCost = 5;
constexpr double kPieceCost = 1;
constexpr double kKeptTogetherCost = 5;  // more than any other way around it
// Of a chunk so full that an abbreviation's long form has no room: moves a cut, makes no chunk
// more.
constexpr double kLongFormLostCost = 0.5;

double CutCost(Joint joint, const CutCosts& costs) {
  switch (joint) {
    case Joint::kSection:
      return 0;
    case Joint::kClause:
      return costs.clause;
    case Joint::kParagraph:
      return costs.paragraph;
    case Joint::kListItem:
      return costs.list_item;
    case Joint::kTableRow:
      return costs.table_row;
    case Joint::kIntroduced:
      return costs.introduced;
    case Joint::kCodeLine:
      return costs.code_line;
    case Joint::kSentence:
      return costs.sentence;
    case Joint::kPiece:
      return kPieceCost;
    case Joint::kUnderHeading:
      return kUnderHeadingCost;
  }
  return 0;
}

constexpr double kForbidden = 50;  // so dear that it is done only when nothing else is possible

constexpr double kPartialCost = 0.5;

size_t CommonPrefix(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  const size_t length = std::min(a.size(), b.size());
  size_t common = 0;
  while (common < length && a[common] == b[common]) ++common;
  return common;
}

// Cost of a chunk that goes on from one section into the next: small neighbours under one parent
// are better together, large ones stay apart, others never mix.
double CrossCost(const Section& before, const Section& after, int budget_tokens) {
  const size_t common = CommonPrefix(before.path, after.path);
  const size_t depth_before = before.path.size();
  const size_t depth_after = after.path.size();
  const bool siblings = depth_before == depth_after && common + 1 >= depth_before;
  const bool child = common == depth_before && depth_after > depth_before;
  if (!siblings && !child) return kForbidden;
  const double smaller = std::min(before.tokens, after.tokens);
  return 0.2 + 2 * std::min(1.0, smaller / (budget_tokens * 0.5));
}

class Chunker {
 public:
  Chunker(const ParsedDocument& document, const Embedder& embedder, int budget_tokens,
          const Profile& profile)
      : document_(document),
        embedder_(embedder),
        budget_(std::max(budget_tokens, kLeastBudgetTokens)),
        max_context_(budget_ / 3),
        profile_(profile),
        abbreviations_(profile, document.text) {}

  std::vector<retriever::Chunk> Make() {
    // The context gets a third at most, so a unit may always take the rest.
    units_ = SplitIntoUnits(document_, embedder_, budget_ - max_context_, profile_);
    for (const Section& section : units_.sections) {
      context_tokens_.push_back(
          MakeContext(document_.title, section.path, embedder_, max_context_).tokens);
    }
    FindAbbreviations();
    FindKeptTogether();
    std::vector<retriever::Chunk> chunks;
    size_t begin = 0;
    for (const size_t end : FindCuts()) {
      chunks.push_back(MakeChunk(begin, end));
      begin = end;
    }
    return chunks;
  }

 private:
  const Section& SectionOf(size_t unit) const {
    return units_.sections[static_cast<size_t>(units_.units[unit].section)];
  }

  // The row that names the columns is embedded again with the rows of a later chunk, when it is
  // short; -1: none.
  int TableHeader(size_t unit) const {
    const Unit& first = units_.units[unit];
    if (first.table_header < 0) return -1;
    const int tokens = units_.units[static_cast<size_t>(first.table_header)].tokens;
    const int context = context_tokens_[static_cast<size_t>(first.section)];
    const bool fits = tokens <= budget_ / 4 && context + tokens + first.tokens <= budget_;
    return fits ? first.table_header : -1;
  }

  // Tokens that a chunk beginning with this unit has for its text.
  int RoomFrom(size_t unit) const {
    const int room = budget_ - context_tokens_[static_cast<size_t>(units_.units[unit].section)];
    const int header = TableHeader(unit);
    return header < 0 ? room : room - units_.units[static_cast<size_t>(header)].tokens;
  }

  std::string_view TextOf(size_t begin, size_t end) const {
    const ByteSpan span = {units_.units[begin].span.start, units_.units[end - 1].span.end};
    return std::string_view(document_.text).substr(span.start, span.size());
  }

  // Of an abbreviation in a unit.
  struct Occurrence {
    size_t abbreviation;
    bool spelled_out;  // the unit holds the long form, too
  };

  void FindAbbreviations() {
    if (abbreviations_.empty()) return;
    for (size_t i = 0; i < abbreviations_.size(); ++i) {
      abbreviation_tokens_.push_back(embedder_.CountTokens(LineOf(i) + ";"));
    }
    for (size_t unit = 0; unit < units_.units.size(); ++unit) {
      const std::string_view text = TextOf(unit, unit + 1);
      std::vector<Occurrence>& found = abbreviations_of_.emplace_back();
      for (const size_t each : abbreviations_.FindIn(text)) {
        found.push_back({each, HoldsLongForm(text, abbreviations_[each])});
      }
    }
  }

  std::string LineOf(size_t abbreviation) const {
    return abbreviations_[abbreviation].name + ": " + abbreviations_[abbreviation].long_form;
  }

  // Marks the units before which a cut would part what belongs together and fits a chunk.
  void FindKeptTogether() {
    const std::vector<UnitRange> groups = FindGroups(document_, units_, profile_, budget_);
    if (groups.empty()) return;
    std::vector<int> depth(units_.units.size() + 1, 0);
    for (const UnitRange& group : groups) {
      int tokens = 0;
      for (size_t unit = group.begin; unit < group.end; ++unit) {
        tokens += units_.units[unit].tokens;
      }
      if (tokens > RoomFrom(group.begin)) continue;
      ++depth[group.begin + 1];
      --depth[group.end];
    }
    kept_together_.resize(units_.units.size());
    int open = 0;
    for (size_t unit = 0; unit < kept_together_.size(); ++unit) {
      open += depth[unit];
      kept_together_[unit] = open > 0;
    }
  }

  // Counts the tokens that the long forms of a chunk's abbreviations take.
  class LongForms {
   public:
    explicit LongForms(const Chunker& chunker) : chunker_(chunker) {}

    void Add(size_t unit) {
      if (chunker_.abbreviations_of_.empty()) return;
      for (const Occurrence& each : chunker_.abbreviations_of_[unit]) {
        const int tokens = chunker_.abbreviation_tokens_[each.abbreviation];
        const auto known = std::find_if(seen_.begin(), seen_.end(), [&](const Occurrence& seen) {
          return seen.abbreviation == each.abbreviation;
        });
        if (known == seen_.end()) {
          seen_.push_back(each);
          if (!each.spelled_out) tokens_ += tokens;
        } else if (each.spelled_out && !known->spelled_out) {
          known->spelled_out = true;
          tokens_ -= tokens;
        }
      }
    }
    // At most what the context of a chunk that begins with this unit leaves for them.
    int tokens(size_t unit) const {
      const auto section = static_cast<size_t>(chunker_.units_.units[unit].section);
      return std::min(tokens_, chunker_.max_context_ - chunker_.context_tokens_[section]);
    }

   private:
    const Chunker& chunker_;
    std::vector<Occurrence> seen_;  // few
    int tokens_ = 0;
  };

  // Ends of the chunks: the cheapest way to cut, found from front to back.
  std::vector<size_t> FindCuts() const {
    const std::vector<Unit>& units = units_.units;
    const size_t count = units.size();
    // A chunk has at most as many units as tokens; those of no token are rare and short.
    const size_t most_units = static_cast<size_t>(budget_) * 2;
    std::vector<double> cost(count + 1, std::numeric_limits<double>::infinity());
    std::vector<size_t> from(count + 1, 0);
    cost[0] = 0;
    for (size_t end = 1; end <= count; ++end) {
      int tokens = 0;
      double crossed = 0;
      LongForms long_forms(*this);
      for (size_t begin = end; begin-- > 0 && end - begin <= most_units;) {
        tokens += units[begin].tokens;
        long_forms.Add(begin);
        if (begin + 1 < end && units[begin].section != units[begin + 1].section) {
          crossed += CrossCost(SectionOf(begin), SectionOf(begin + 1), budget_);
        }
        const int room = RoomFrom(begin);
        if (begin + 1 < end) {
          if (tokens > budget_) break;
          if (tokens > room) continue;
        }
        double partial = 0;
        const double empty = std::max(0.0, 1 - static_cast<double>(tokens) / room);
        const double cut = begin == 0 ? 0 : CutBefore(begin);
        if (crossed > 0) {
          // The rest of one section together with another: worse than two that are whole.
          const bool starts_inside = units[begin].joint != Joint::kSection;
          const bool ends_inside = end < count && units[end].joint != Joint::kSection;
          partial = kPartialCost * ((starts_inside ? 1 : 0) + (ends_inside ? 1 : 0));
        }
        const double lost = tokens + long_forms.tokens(begin) > room ? kLongFormLostCost : 0;
        const double total = cost[begin] + 1 + 0.5 * empty * empty + cut + crossed + partial + lost;
        if (total < cost[end]) {
          cost[end] = total;
          from[end] = begin;
        }
      }
    }
    std::vector<size_t> cuts;
    for (size_t end = count; end > 0; end = from[end]) cuts.push_back(end);
    std::reverse(cuts.begin(), cuts.end());
    return cuts;
  }

  double CutBefore(size_t unit) const {
    const double cost = CutCost(units_.units[unit].joint, profile_.costs);
    return !kept_together_.empty() && kept_together_[unit] ? cost + kKeptTogetherCost : cost;
  }

  // The headings that all text of [begin, end) stands under.
  std::vector<std::string> HeadingPath(size_t begin, size_t end) const {
    const std::vector<std::string>* path = nullptr;
    size_t common = 0;
    for (const bool with_empty : {false, true}) {
      for (size_t i = begin; i < end; ++i) {
        const Section& section = SectionOf(i);
        if (i > begin && units_.units[i].section == units_.units[i - 1].section) continue;
        if (section.content_tokens == 0 && !with_empty) continue;  // nothing but a heading
        common = path == nullptr ? section.path.size()
                                 : std::min(common, CommonPrefix(*path, section.path));
        if (path == nullptr) path = &section.path;
      }
      if (path != nullptr) break;
    }
    if (path == nullptr) return {};
    return {path->begin(), path->begin() + static_cast<ptrdiff_t>(common)};
  }

  int PageOf(uint64_t offset) const {
    const std::vector<uint64_t>& starts = document_.page_starts;
    return static_cast<int>(std::upper_bound(starts.begin(), starts.end(), offset) -
                            starts.begin());
  }

  retriever::Chunk MakeChunk(size_t begin, size_t end) const {
    const std::vector<Unit>& units = units_.units;
    retriever::Chunk chunk;
    chunk.span = {units[begin].span.start, units[end - 1].span.end};
    for (size_t i = begin; i < end; ++i) chunk.tokens += units[i].tokens;
    chunk.heading_path = HeadingPath(begin, end);
    if (units[begin].clause >= 0) {
      chunk.clause = units_.clauses[static_cast<size_t>(units[begin].clause)];
    }
    chunk.page = PageOf(chunk.span.start);

    // Headings that the text itself begins with need not be said twice.
    std::vector<std::string> context_path = chunk.heading_path;
    size_t headings = 0;
    while (begin + headings < end && units[begin + headings].heading) ++headings;
    context_path.resize(context_path.size() - std::min(headings, context_path.size()));
    const std::string_view text = TextOf(begin, end);
    std::string_view title = document_.title;
    if (text.starts_with(title)) title = {};
    const Context context = MakeContext(title, context_path, embedder_, max_context_);
    const int header = TableHeader(begin);
    chunk.embedded_text = context.text;
    AddLongForms(begin, end, context.tokens, chunk);
    if (header >= 0) {
      const ByteSpan span = units[static_cast<size_t>(header)].span;
      if (!chunk.embedded_text.empty()) chunk.embedded_text += '\n';
      chunk.embedded_text += document_.text.substr(span.start, span.size());
    }
    if (!chunk.embedded_text.empty()) chunk.embedded_text += '\n';
    chunk.embedded_text += text;
    return chunk;
  }

  // "MI: myocardial infarction; CKD: chronic kidney disease", as far as the context's share goes.
  void AddLongForms(size_t begin, size_t end, int context_tokens, retriever::Chunk& chunk) const {
    if (abbreviations_of_.empty()) return;
    const int header = TableHeader(begin);
    int room = budget_ - context_tokens - chunk.tokens;
    if (header >= 0) room -= units_.units[static_cast<size_t>(header)].tokens;
    room = std::min(room, max_context_ - context_tokens);
    std::string line;
    const std::string known = chunk.embedded_text + " " + std::string(TextOf(begin, end));
    for (const size_t each : abbreviations_.FindIn(TextOf(begin, end))) {
      if (HoldsLongForm(known, abbreviations_[each]) || abbreviation_tokens_[each] > room) continue;
      room -= abbreviation_tokens_[each];
      line += (line.empty() ? "" : "; ") + LineOf(each);
    }
    if (line.empty()) return;
    if (!chunk.embedded_text.empty()) chunk.embedded_text += '\n';
    chunk.embedded_text += line;
  }

  const ParsedDocument& document_;
  const Embedder& embedder_;
  const int budget_;
  const int max_context_;  // tokens of title, headings and long forms
  const Profile& profile_;
  const Abbreviations abbreviations_;
  Units units_;
  std::vector<int> context_tokens_;                        // of each section
  std::vector<int> abbreviation_tokens_;                   // of each abbreviation's line
  std::vector<std::vector<Occurrence>> abbreviations_of_;  // of each unit; empty: there are none
  std::vector<bool> kept_together_;                        // of each unit: with the one before
};

}  // namespace

int DefaultBudgetTokens(const Embedder& embedder) {
  return std::clamp(embedder.max_tokens() - 2, kLeastBudgetTokens, kMostBudgetTokens);
}

std::vector<retriever::Chunk> MakeChunks(const ParsedDocument& document, const Embedder& embedder,
                                         int budget_tokens, const Profile& profile) {
  return Chunker(document, embedder, budget_tokens, profile).Make();
}

}  // namespace footnote::indexer
