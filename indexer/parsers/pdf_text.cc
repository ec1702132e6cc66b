#include "indexer/parsers/pdf_text.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <set>
#include <unordered_set>

#include "indexer/text/cleaner.h"

namespace footnote::indexer {
namespace {

struct Page {
  std::vector<std::string_view> lines;
};

bool IsAsciiLetter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
bool IsAsciiDigit(char c) { return c >= '0' && c <= '9'; }
bool IsBlank(std::string_view line) { return TrimSpace(line).empty(); }

std::vector<Page> SplitPages(std::string_view printed) {
  std::vector<Page> pages;
  while (!printed.empty()) {
    const size_t end = std::min(printed.find('\f'), printed.size());
    std::string_view text = printed.substr(0, end);
    printed.remove_prefix(std::min(end + 1, printed.size()));
    Page page;
    while (!text.empty()) {
      const size_t line_end = std::min(text.find('\n'), text.size());
      page.lines.push_back(text.substr(0, line_end));
      text.remove_prefix(std::min(line_end + 1, text.size()));
    }
    pages.push_back(std::move(page));
  }
  return pages;
}

// The value of a line that is one roman number, as front matter is numbered.
std::optional<int> RomanValue(std::string_view line) {
  constexpr std::string_view kLetters = "ivxlc";
  constexpr int kValues[] = {1, 5, 10, 50, 100};
  if (line.empty() || line.size() > 8) return std::nullopt;
  int value = 0, previous = 0;
  for (size_t i = line.size(); i-- > 0;) {
    const size_t at = kLetters.find(static_cast<char>(std::tolower(line[i])));
    if (at == std::string_view::npos) return std::nullopt;
    value += kValues[at] < previous ? -kValues[at] : kValues[at];
    previous = std::max(previous, kValues[at]);
  }
  return value;
}

// "17", "- 17 -", "Page 3 of 36": numbers and words that go with page numbers, and nothing else. A
// line such as "Article 5" counts with the pages, too, where each page begins with an article.
bool IsPageNumber(std::string_view line) {
  static constexpr std::string_view kWords[] = {"page",   "pages", "pg",    "p",      "of",
                                                "seite",  "von",   "sur",   "pagina", "di",
                                                "strona", "z",     "folio", "sheet"};
  bool has_number = false;
  for (size_t i = 0; i < line.size();) {
    if (IsAsciiDigit(line[i])) {
      has_number = true;
      ++i;
    } else if (IsAsciiLetter(line[i])) {
      std::string word;
      for (; i < line.size() && IsAsciiLetter(line[i]); ++i) {
        word += static_cast<char>(std::tolower(line[i]));
      }
      if (std::find(std::begin(kWords), std::end(kWords), word) == std::end(kWords)) return false;
    } else if (static_cast<unsigned char>(line[i]) >= 0x80) {
      return false;
    } else {
      ++i;
    }
  }
  return has_number;
}

// What a line at page `page`'s edge has in common with those of other pages: the line itself, or
// that its number counts with the pages.
std::set<std::string> EdgeKeys(std::string_view line, int page) {
  line = TrimSpace(line);
  std::set<std::string> keys;
  constexpr size_t kLongest = 200;
  if (line.empty() || line.size() > kLongest) return keys;
  const auto add = [&](std::string_view before, int number, std::string_view after) {
    keys.insert(std::string(before) + "\x01" + std::to_string(number - page) + "\x01" +
                std::string(after));
  };
  keys.insert(std::string(line));
  if (const std::optional<int> roman = RomanValue(line)) add("", *roman, "");
  if (!IsPageNumber(line)) return keys;
  for (size_t i = 0; i < line.size();) {
    if (!IsAsciiDigit(line[i])) {
      ++i;
      continue;
    }
    const size_t start = i;
    int number = 0;
    for (; i < line.size() && IsAsciiDigit(line[i]); ++i) {
      number = number > 100000 ? number : number * 10 + (line[i] - '0');
    }
    add(line.substr(0, start), number, line.substr(i));
  }
  return keys;
}

// Places of a page's lines that may be headers and footers: the outermost two at either end.
std::vector<size_t> EdgeLines(const Page& page) {
  constexpr size_t kEachEnd = 2;
  std::vector<size_t> filled;
  for (size_t i = 0; i < page.lines.size(); ++i) {
    if (!IsBlank(page.lines[i])) filled.push_back(i);
  }
  if (filled.size() <= 2 * kEachEnd) return filled;
  filled.erase(filled.begin() + kEachEnd, filled.end() - kEachEnd);
  return filled;
}

void DropRunningLines(std::vector<Page>& pages) {
  std::map<std::string, int> counts;
  for (size_t p = 0; p < pages.size(); ++p) {
    std::set<std::string> here;
    for (const size_t at : EdgeLines(pages[p])) {
      here.merge(EdgeKeys(pages[p].lines[at], static_cast<int>(p)));
    }
    for (const std::string& key : here) ++counts[key];
  }
  const auto least = std::max<size_t>(3, pages.size() * 3 / 10);
  for (size_t p = 0; p < pages.size(); ++p) {
    for (const size_t at : EdgeLines(pages[p])) {
      const std::set<std::string> keys = EdgeKeys(pages[p].lines[at], static_cast<int>(p));
      const bool runs = std::any_of(keys.begin(), keys.end(), [&](const std::string& key) {
        return static_cast<size_t>(counts[key]) >= least;
      });
      if (runs) pages[p].lines[at] = "";
    }
  }
}

// Letters around a hyphen: "long-term" -> pieces of a word that is written so.
std::unordered_set<std::string> HyphenatedWords(const std::vector<Page>& pages) {
  std::unordered_set<std::string> words;
  for (const Page& page : pages) {
    for (const std::string_view line : page.lines) {
      for (size_t at = line.find('-'); at != std::string_view::npos; at = line.find('-', at + 1)) {
        size_t start = at, end = at + 1;
        while (start > 0 && IsAsciiLetter(line[start - 1])) --start;
        while (end < line.size() && IsAsciiLetter(line[end])) ++end;
        if (start < at && end > at + 1) words.insert(std::string(line.substr(start, end - start)));
      }
    }
  }
  return words;
}

// A row of dots, as tables of contents have, becomes one ellipsis; ligatures become letters.
std::string TidyLine(std::string_view line) {
  static constexpr std::pair<std::string_view, std::string_view> kLigatures[] = {
      {"\xEF\xAC\x80", "ff"},
      {"\xEF\xAC\x81", "fi"},
      {"\xEF\xAC\x82", "fl"},
      {"\xEF\xAC\x83", "ffi"},
      {"\xEF\xAC\x84", "ffl"}};
  std::string tidy;
  for (size_t i = 0; i < line.size();) {
    if (line[i] == '.') {
      size_t dots = 0, end = i;
      for (size_t j = i; j < line.size() && (line[j] == '.' || line[j] == ' '); ++j) {
        if (line[j] != '.') continue;
        ++dots;
        end = j + 1;
      }
      if (dots >= 4) {
        tidy += "\xE2\x80\xA6";
        i = end;
        continue;
      }
    }
    const auto ligature =
        std::find_if(std::begin(kLigatures), std::end(kLigatures),
                     [&](const auto& each) { return line.substr(i).starts_with(each.first); });
    if (ligature != std::end(kLigatures)) {
      tidy += ligature->second;
      i += ligature->first.size();
    } else {
      tidy += line[i++];
    }
  }
  while (!tidy.empty() && (tidy.back() == ' ' || tidy.back() == '\t')) tidy.pop_back();
  return tidy;
}

bool BeginsLower(std::string_view line) {
  return !line.empty() && line[0] >= 'a' && line[0] <= 'z';
}

bool EndsSentence(std::string_view text) {
  return text.empty() || std::string_view(".!?:;").find(text.back()) != std::string_view::npos;
}

// Puts a word together that was broken between the end of `text` and `line`. Returns how many bytes
// of `line` were taken.
size_t JoinBrokenWord(std::string_view line, const std::unordered_set<std::string>& hyphenated,
                      std::string& text) {
  if (text.size() < 3 || text[text.size() - 1] != '-' || !IsAsciiLetter(text[text.size() - 2]) ||
      !BeginsLower(line)) {
    return 0;
  }
  size_t start = text.size() - 1, end = 0;
  while (start > 0 && IsAsciiLetter(text[start - 1])) --start;
  while (end < line.size() && IsAsciiLetter(line[end])) ++end;
  const std::string word = text.substr(start) + std::string(line.substr(0, end));
  if (!hyphenated.contains(word)) text.pop_back();
  // What stands behind the word, such as a comma, belongs to it.
  while (end < line.size() && line[end] != ' ') ++end;
  text += line.substr(0, end);
  return end;
}

}  // namespace

PagedText TidyPages(std::string_view printed) {
  std::vector<Page> pages = SplitPages(printed);
  DropRunningLines(pages);
  const std::unordered_set<std::string> hyphenated = HyphenatedWords(pages);
  PagedText result;
  std::string& text = result.text;
  int blank_lines = 0;  // before the next line
  size_t new_pages =
      0;  // that have begun since the last line; those without text keep their number
  for (const Page& page : pages) {
    ++new_pages;
    for (const std::string_view raw : page.lines) {
      const std::string tidy = TidyLine(raw);
      std::string_view line = tidy;
      if (IsBlank(line)) {
        ++blank_lines;
        continue;
      }
      if (!text.empty()) {
        // Headers and page numbers are gone: a sentence that runs on over a page's end, whatever
        // stood between, stays one paragraph.
        if (new_pages > 0) blank_lines = !EndsSentence(text) && BeginsLower(line) ? 0 : 1;
        const size_t taken = blank_lines == 0 ? JoinBrokenWord(line, hyphenated, text) : 0;
        line = taken > 0 ? TrimSpace(line.substr(taken)) : line;
        if (!line.empty()) text.append(blank_lines > 0 ? 2 : 1, '\n');
      }
      result.page_starts.insert(result.page_starts.end(), new_pages, text.size());
      text += line;
      blank_lines = 0;
      new_pages = 0;
    }
  }
  result.page_starts.insert(result.page_starts.end(), new_pages, text.size());
  return result;
}

size_t CountLetters(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    // Bytes above ASCII are parts of letters, mostly.
    return IsAsciiLetter(c) || IsAsciiDigit(c) || static_cast<unsigned char>(c) >= 0x80;
  }));
}

}  // namespace footnote::indexer
