// The lexical level of reStructuredText: what a line begins.
//
// Source: docutils, "reStructuredText Markup Specification".
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace footnote::indexer {

using RstLines = std::vector<std::string>;

// Tabs become spaces up to columns of eight; white space at the ends of lines goes.
RstLines SplitRstLines(std::string_view text);

bool IsBlank(std::string_view line);
size_t IndentOf(std::string_view line);

// Lines [begin, end) without the indentation that all have, and without blank lines around them.
RstLines Dedent(const RstLines& lines, size_t begin, size_t end);

// The line behind those from `begin` on that are blank or indented by at least `indent`, without
// blank ones at the end.
size_t EndOfIndented(const RstLines& lines, size_t begin, size_t indent);

// "====": one punctuation character, at least twice.
bool IsAdornment(std::string_view line);
// Whether `underline` may stand below a title.
bool IsUnderlineOf(std::string_view underline, std::string_view title);

struct RstMark {
  std::string mark;  // "-", "1.", "(a)"; empty when the line begins no list item
  size_t width = 0;  // columns up to the text
};
RstMark ReadBullet(std::string_view line);
RstMark ReadEnumerator(std::string_view line);

// ":name: value": length of the mark; 0 when the line is no field.
size_t FieldMarkLength(std::string_view line);

// "===  ===" of a simple table, with at least two columns; "+---+---+" of a grid table.
bool IsSimpleTableBorder(std::string_view line);
bool IsGridTableBorder(std::string_view line);

}  // namespace footnote::indexer
