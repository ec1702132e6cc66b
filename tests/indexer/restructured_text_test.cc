// reStructuredText: read as docutils reads it, what Sphinx adds, hostile input.
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "indexer/parsers/rst_inline.h"
#include "indexer/text/cleaner.h"
#include "tests/indexer/fixture.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/status_matchers.h"

namespace footnote::indexer {
namespace {

using Strings = std::vector<std::string>;

std::string Text(const std::string& rst) {
  const ParsedDocument document = ParseOne("a.rst", rst);
  ExpectBlocksCoverText(document.text, document.blocks);
  return document.text;
}

TEST(RestructuredText, ReadsWhatDocutilsReads) {
  const auto expected = nlohmann::json::parse(ReadFixture("guide.json"));
  const ParsedDocument document = ParseOne("guide.rst", ReadFixture("guide.rst"));
  ExpectBlocksCoverText(document.text, document.blocks);
  EXPECT_EQ(document.title, "Pump guide");
  EXPECT_EQ(Headings(document), expected["headings"].get<Strings>());
  const std::string line = CollapseSpace(document.text);
  for (const std::string paragraph : expected["paragraphs"]) {
    EXPECT_NE(line.find(paragraph), std::string::npos) << paragraph << "\nis not in\n" << line;
  }
  for (const std::string term : expected["terms"]) {
    const bool found = line.find(term + ": ") != std::string::npos ||
                       line.find(term + " (pressure): ") != std::string::npos;
    EXPECT_TRUE(found) << term;
  }
  Strings code;
  std::vector<Strings> tables;
  for (const Block& block : document.blocks) {
    if (block.kind == BlockKind::kCode) code.push_back(TextOf(document, block));
    if (block.kind == BlockKind::kTableRow) {
      if (block.first_row) tables.emplace_back();
      tables.back().push_back(TextOf(document, block));
    }
  }
  EXPECT_EQ(code, expected["code"].get<Strings>());
  ASSERT_EQ(tables.size(), expected["tables"].size()) << document.text;
  for (size_t i = 0; i < tables.size(); ++i) {
    Strings rows;
    for (const auto& cells : expected["tables"][i]) {
      std::string row;
      for (const std::string cell : cells) row += (row.empty() ? "" : " | ") + cell;
      rows.push_back(row);
    }
    EXPECT_EQ(tables[i], rows);
  }
  for (const char* absent :
       {"comment", "pump-guide", "https", "replace", "listing-one", "::", "|product"}) {
    EXPECT_EQ(document.text.find(absent), std::string::npos) << absent;
  }
}

TEST(RestructuredText, ListsAndAdmonitionsReadWell) {
  EXPECT_EQ(Text("- one\n\n  more\n\n  1. deep\n- two\n\n.. note:: Mind it.\n\n   Really.\n\n"
                 ".. versionadded:: 2.1 By Ann.\n.. deprecated:: 3\n"),
            "- one\n  more\n  1. deep\n- two\n\nNote: Mind it. Really.\n\n"
            "Added in version 2.1: By Ann.\n\nDeprecated since version 3:");
  EXPECT_EQ(Text("7.3. The tenant pays.\n\n§ 4 Rent is due.\n"),
            "7.3. The tenant pays.\n\n§ 4 Rent is due.");
}

TEST(RestructuredText, KeepsTheTextOfSphinxAndDropsItsMachinery) {
  EXPECT_EQ(Text(".. toctree::\n   :maxdepth: 2\n\n   intro\n\n.. py:function:: open(valve)\n\n"
                 "   Opens :py:meth:`~pump.Valve.flow` and :ref:`the lid <lid>`.\n\n"
                 "   :param valve: which one\n\n.. image:: a.png\n.. figure:: b.png\n   :alt: x\n\n"
                 "   The lid.\n\n.. unknown:: x\n\n   y\n\n:orphan:\n"),
            "open(valve)\n\nOpens flow and the lid.\n\nparam valve: which one\n\nThe lid.");
}

TEST(RestructuredText, RendersInlineMarkup) {
  const RstSubstitutions none;
  EXPECT_EQ(RenderRstInline("*a* **b** ``c*d`` `e`_ `f <u>`__ g_ h__ [1]_ [#x]_ |i|_", none),
            "a b c*d e f g h [1] [#x] i");
  EXPECT_EQ(RenderRstInline("\\*a\\* re\\ *b*\\ c 2*3*4 ** x :a: _`t` `u`:sub: `open", none),
            "*a* rebc 2*3*4 ** x :a: t u `open");
  EXPECT_EQ(RenderRstInline("_private __init__ snake_case x_y_ :doc:`/a/b`", none),
            "_private __init__ snake_case x_y /a/b");
}

TEST(RestructuredText, KnowsItselfByItsContent) {
  const std::string content = "One\n====\n\n.. note:: a\n\nTwo\n----\n\nb\n";
  EXPECT_EQ(std::get<std::string>(ParseOne("README", content).metadata.at("format").at(0)), "rst");
  const std::string plain = "One\n====\n\nTwo\n----\n\nstd::string .. x\n";
  EXPECT_EQ(std::get<std::string>(ParseOne("README", plain).metadata.at("format").at(0)), "text");
}

TEST(RestructuredText, HostileInputIsRead) {
  std::string deep;
  for (size_t i = 0; i < 3000; ++i) deep += std::string(i, ' ') + "- x\n";
  EXPECT_OK(ParseText("deep.rst", deep).status);
  std::string marks;
  for (int i = 0; i < 200000; ++i) marks += "`a *b |c ";
  EXPECT_OK(ParseText("marks.rst", marks).status);
  std::string grid = "+";
  for (int i = 0; i < 100000; ++i) grid += "-+";
  EXPECT_OK(ParseText("grid.rst", grid + "\n" + grid + "\n" + grid + "\n").status);
  for (const char* odd : {"..", ".. ", "::", "====", "==\n==", "+-+", "- ", "..  ::", ":a:", "|",
                          "__", ".. [", ".. x::", "1.", "== =\n== ="}) {
    EXPECT_OK(ParseText("odd.rst", odd).status) << odd;
  }
}

}  // namespace
}  // namespace footnote::indexer
