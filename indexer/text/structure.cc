#include "indexer/text/structure.h"

#include <algorithm>
#include <cctype>
#include <string>

#include "indexer/text/clause.h"
#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

constexpr size_t kLongestHeading = 100;    // bytes; longer lines are text
constexpr size_t kLongestCapitals = 80;    // bytes; disclaimers in capitals are text
constexpr size_t kLongestStandalone = 60;  // bytes of a line that introduces what follows

struct Line {
  size_t start = 0;  // behind the indentation
  size_t end = 0;    // before trailing white space
  bool blank() const { return start == end; }
};

std::vector<Line> SplitLines(std::string_view text) {
  std::vector<Line> lines;
  for (size_t at = 0; at < text.size();) {
    size_t end = text.find('\n', at);
    if (end == std::string_view::npos) end = text.size();
    Line line{at, end};
    while (line.start < line.end && (text[line.start] == ' ' || text[line.start] == '\t' ||
                                     text[line.start] == '\r' || text[line.start] == '\f')) {
      ++line.start;
    }
    while (line.end > line.start && (text[line.end - 1] == ' ' || text[line.end - 1] == '\t' ||
                                     text[line.end - 1] == '\r' || text[line.end - 1] == '\f')) {
      --line.end;
    }
    lines.push_back(line);
    at = end + 1;
  }
  return lines;
}

bool IsUnderline(std::string_view line) {
  return line.size() >= 3 && (line[0] == '=' || line[0] == '-' || line[0] == '~') &&
         line.find_first_not_of(line[0]) == std::string_view::npos;
}

size_t HashLevel(std::string_view line) {
  const size_t level = line.find_first_not_of('#');
  return level != std::string_view::npos && level >= 1 && level <= 6 && line[level] == ' ' ? level
                                                                                           : 0;
}

bool IsBullet(std::string_view line) {
  for (const std::string_view bullet : {"- ", "* ", "+ ", "• ", "– ", "· ", "‣ ", "▪ ", "● "}) {
    if (line.starts_with(bullet)) return true;
  }
  return false;
}

bool IsTableRow(std::string_view line) {
  if (line.size() < 3) return false;
  if (line.front() == '|') return line.find('|', 1) != std::string_view::npos;
  const size_t first = line.find(" | ");
  return first != std::string_view::npos && line.find(" | ", first + 3) != std::string_view::npos;
}

bool IsRowSeparator(std::string_view line) {
  return line.find_first_not_of("|-:+= \t") == std::string_view::npos;
}

bool IsInCapitals(std::string_view line) {
  if (line.size() > kLongestCapitals) return false;
  int capitals = 0;
  for (const char c : line) {
    if (c >= 'a' && c <= 'z') return false;
    if (c >= 'A' && c <= 'Z') ++capitals;
  }
  return capitals >= 4;
}

bool EndsLikeSentence(std::string_view line) {
  return line.empty() || std::string_view(".;,!?").find(line.back()) != std::string_view::npos;
}

// Without the marks of Markdown: "`open` \\(2\\)<a name=\"x\"></a>" -> "open (2)".
std::string PlainHeading(std::string_view heading) {
  std::string plain;
  for (size_t i = 0; i < heading.size(); ++i) {
    const char c = heading[i];
    const char next = i + 1 < heading.size() ? heading[i + 1] : '\0';
    if (c == '\\' && std::ispunct(static_cast<unsigned char>(next))) {
      plain += next;
      ++i;
    } else if (c == '<' && (std::isalpha(static_cast<unsigned char>(next)) || next == '/')) {
      const size_t close = heading.find('>', i);
      if (close == std::string_view::npos) {
        plain += c;
      } else {
        i = close;
      }
    } else if (c != '`' && !(c == '*' && (next == '*' || plain.ends_with('*')))) {
      plain += c;
    }
  }
  return CollapseSpace(plain);
}

// One pass over the lines.
class StructureFinder {
 public:
  explicit StructureFinder(std::string_view text) : text_(text), lines_(SplitLines(text)) {}

  std::vector<Block> Find() {
    for (size_t i = 0; i < lines_.size();) {
      if (lines_[i].blank()) {
        ++i;
        continue;
      }
      i = ReadBlock(i);
    }
    return std::move(blocks_);
  }

 private:
  std::string_view At(size_t line) const {
    return text_.substr(lines_[line].start, lines_[line].end - lines_[line].start);
  }
  bool BlankAt(size_t line) const { return line >= lines_.size() || lines_[line].blank(); }

  Block& Add(BlockKind kind, size_t first_line, size_t end_line) {
    Block& block = blocks_.emplace_back();
    block.kind = kind;
    block.span = {lines_[first_line].start, lines_[end_line - 1].end};
    return block;
  }

  void AddHeading(int level, std::string_view heading, size_t first_line, size_t end_line) {
    Block& block = Add(BlockKind::kHeading, first_line, end_line);
    block.level = level;
    block.heading = PlainHeading(heading);
  }

  // Reads the block whose first line is `i`; returns the line behind it.
  size_t ReadBlock(size_t i) {
    const std::string_view line = At(i);
    if (line.starts_with("```") || line.starts_with("~~~")) return ReadFence(i);
    if (const size_t level = HashLevel(line)) {
      std::string_view heading = TrimSpace(line.substr(level));
      while (heading.ends_with('#')) heading.remove_suffix(1);
      if (!TrimSpace(heading).empty()) {
        AddHeading(static_cast<int>(level), heading, i, i + 1);
        return i + 1;
      }
    }
    if (!BlankAt(i + 1) && IsUnderline(At(i + 1)) && line.size() <= kLongestHeading &&
        !IsTableRow(line) && !IsUnderline(line) && HasLetter(line)) {
      AddHeading(At(i + 1)[0] == '=' ? 1 : 2, line, i, i + 2);
      return i + 2;
    }
    if (IsTableRow(line)) return ReadTable(i);
    if (const int level = HeadingLevel(i)) {
      AddHeading(level, line, i, i + 1);
      return i + 1;
    }
    return ReadParagraph(i);
  }

  static bool HasLetter(std::string_view line) {
    return std::any_of(line.begin(), line.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c & 0x80) != 0;
    });
  }

  size_t ReadFence(size_t i) {
    const std::string fence(At(i).substr(0, 3));
    size_t end = i + 1;
    while (end < lines_.size() && !At(end).starts_with(fence)) ++end;
    end = std::min(end + 1, lines_.size());
    while (end > i + 1 && lines_[end - 1].blank()) --end;
    Add(BlockKind::kCode, i, end);
    return end;
  }

  size_t ReadTable(size_t i) {
    bool first_row = true;
    while (!BlankAt(i) && IsTableRow(At(i))) {
      size_t end = i + 1;
      while (!BlankAt(end) && IsRowSeparator(At(end))) ++end;  // "|---|---|" goes with its row
      Add(BlockKind::kTableRow, i, end).first_row = first_row;
      first_row = false;
      i = end;
    }
    return i;
  }

  // Of a line that is a heading by its number or its capitals; 0 when it is text.
  int HeadingLevel(size_t i) const {
    const std::string_view line = At(i);
    const bool after_blank = i == 0 || lines_[i - 1].blank();
    if (line.size() > kLongestHeading) return 0;
    const auto mark = ReadClauseMark(line);
    if (mark && !mark->part) return IsNumberedHeading(i, *mark) ? mark->depth : 0;
    if (after_blank && BlankAt(i + 1) && IsInCapitals(line) && !EndsLikeSentence(line)) return 1;
    return 0;
  }

  // "7. Payment" on a line of its own, or before a line that begins a sentence.
  bool IsNumberedHeading(size_t i, const ClauseMark& mark) const {
    constexpr size_t kLongestUnspaced = 45;  // shorter than the lines of wrapped text
    const std::string_view line = At(i);
    std::string_view rest = TrimSpace(line.substr(mark.length));
    if (rest.size() > kLongestStandalone) return false;
    const bool alone = (i == 0 || lines_[i - 1].blank()) && BlankAt(i + 1);
    if (rest.empty()) return mark.length > 4 && alone;  // "Section 4", but not "4."
    const bool capital = (rest[0] >= 'A' && rest[0] <= 'Z') ||
                         std::string_view("-:.(\"").find(rest[0]) != std::string_view::npos;
    if (!capital) return false;
    if (rest.ends_with('.') && IsTitle(rest.substr(0, rest.size() - 1))) rest.remove_suffix(1);
    if (EndsLikeSentence(rest)) return false;
    if (alone || IsInCapitals(line)) return true;
    if (BlankAt(i + 1) || rest.size() > kLongestUnspaced) return false;
    // "1. Apples" before "2. Pears" is a list.
    const std::string_view next = At(i + 1);
    const auto next_mark = ReadClauseMark(next);
    if (next_mark) return next_mark->part || next_mark->depth > mark.depth;
    return (next[0] >= 'A' && next[0] <= 'Z') || next[0] == '"' || next.starts_with("“");
  }

  // Every long word begins with a capital: "Limitation of Liability".
  static bool IsTitle(std::string_view text) {
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(' ', at), text.size());
      const std::string_view word = text.substr(at, end - at);
      if (word.find('.') != std::string_view::npos) return false;
      if (word.size() > 3 && word[0] >= 'a' && word[0] <= 'z') return false;
      at = end + 1;
    }
    return true;
  }

  size_t ReadParagraph(size_t i) {
    const std::string_view line = At(i);
    const bool bullet = IsBullet(line);
    const bool clause = !bullet && ReadClauseMark(line).has_value();
    size_t end = i + 1;
    while (!BlankAt(end) && !BeginsBlock(end) && !EndsLongLine(end - 1)) ++end;
    Block& block = Add(bullet   ? BlockKind::kListItem
                       : clause ? BlockKind::kClause
                                : BlockKind::kParagraph,
                       i, end);
    block.level = bullet ? 1 : 0;
    const std::string_view last = At(end - 1);
    const bool alone = end == i + 1 && BlankAt(end);
    block.keep_with_next =
        last.ends_with(':') ||
        (alone && !bullet && line.size() <= kLongestStandalone && !EndsLikeSentence(line));
    return end;
  }

  // Text that long is not wrapped: its line end is a paragraph's end.
  bool EndsLongLine(size_t i) const {
    constexpr size_t kLongestWrapped = 120;
    const std::string_view line = At(i);
    return line.size() > kLongestWrapped &&
           std::string_view(".;:!?)\"").find(line.back()) != std::string_view::npos;
  }

  // Whether a line inside a paragraph begins a block of its own.
  bool BeginsBlock(size_t i) const {
    const std::string_view line = At(i);
    if (line.starts_with("```") || HashLevel(line) > 0 || IsBullet(line) || line.starts_with('|')) {
      return true;
    }
    const auto mark = ReadClauseMark(line);
    if (!mark) return false;
    // "(b)" and "7.3." begin clauses wherever they begin a line; "Section 4," and "A." in the
    // middle of a paragraph are more often a reference or an initial.
    return mark->part || (line[0] >= '0' && line[0] <= '9') || line.starts_with("§");
  }

  std::string_view text_;
  std::vector<Line> lines_;
  std::vector<Block> blocks_;
};

}  // namespace

std::vector<Block> FindStructure(std::string_view text) { return StructureFinder(text).Find(); }

std::string FindTitle(std::string_view text, const std::vector<Block>& blocks) {
  if (blocks.empty()) return "";
  const Block& first = blocks.front();
  if (first.kind == BlockKind::kHeading) return first.heading;
  const std::string_view content = text.substr(first.span.start, first.span.size());
  if (first.kind == BlockKind::kParagraph && content.size() <= kLongestHeading &&
      content.find('\n') == std::string_view::npos) {
    return CollapseSpace(content);
  }
  return "";
}

}  // namespace footnote::indexer
