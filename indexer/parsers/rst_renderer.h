// Writes reStructuredText as blocks.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "indexer/parsers/document_builder.h"
#include "indexer/parsers/rst_inline.h"
#include "indexer/parsers/rst_lines.h"
#include "indexer/parsers/rst_table.h"

namespace footnote::indexer {

class RstRenderer {
 public:
  explicit RstRenderer(DocumentBuilder& builder) : builder_(builder) {}

  // `text` is clean UTF-8.
  void Render(std::string_view text);

 private:
  // A directive: ".. name:: argument", ":option: value" lines, content.
  struct Directive {
    std::string name;
    std::string argument;
    std::map<std::string, std::string> options;
    RstLines content;
  };

  // Blocks of `lines`, which begin at column 0; `depth` counts what they are nested in.
  void Body(const RstLines& lines, int depth);
  // Reads what begins at line `at` and returns the line behind it; `at` itself when nothing of that
  // kind begins there.
  size_t ReadTitle(const RstLines& lines, size_t at);
  size_t ReadExplicit(const RstLines& lines, size_t at, int depth);
  size_t ReadListItem(const RstLines& lines, size_t at, int depth);
  size_t ReadField(const RstLines& lines, size_t at, int depth);
  size_t ReadTable(const RstLines& lines, size_t at);
  size_t ReadLiteral(const RstLines& lines, size_t at);
  size_t ReadDefinition(const RstLines& lines, size_t at, int depth);
  size_t ReadParagraph(const RstLines& lines, size_t at);

  // In rst_directives.cc.
  static Directive SplitDirective(std::string_view name, std::string_view argument,
                                  const RstLines& block);
  void WriteDirective(const Directive& directive, int depth);
  void WriteTableDirective(const Directive& directive, int depth);
  void WriteWithPrefix(const std::string& prefix, const RstLines& content, int depth);

  std::string Inline(std::string_view text) const;
  void Text(const std::string& text);  // without marks: a paragraph, or one of a list item
  void Code(const RstLines& lines);
  void Rows(const RstRows& rows);
  void EndPrefix();

  DocumentBuilder& builder_;
  RstSubstitutions substitutions_;
  std::vector<std::pair<char, bool>> titles_;  // character and overline, by order of appearance
  std::string prefix_;                         // of the next text: a term, "Note:"
  std::string mark_;                           // of the list item that begins
  int list_depth_ = 0;
  int next_number_ = 1;  // of items marked "#."
};

}  // namespace footnote::indexer
