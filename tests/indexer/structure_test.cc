#include "indexer/text/structure.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/indexer/parse_text.h"

namespace footnote::indexer {
namespace {

ParsedDocument Structured(std::string text) {
  ParsedDocument document;
  document.text = std::move(text);
  document.blocks = FindStructure(document.text);
  ExpectBlocksCoverText(document.text, document.blocks);
  return document;
}

using Strings = std::vector<std::string>;

TEST(FindStructure, FindsHeadingsHoweverTheyAreMarked) {
  const ParsedDocument document = Structured(
      "# Top <a name=\"x\"></a>\n\nText.\n\nUnder\n=====\nText.\n\nSmaller\n---\n\n"
      "TERMS AND CONDITIONS\n\nText.\n\n2. DEFINITIONS.\n\nText.\n\n2.1 Scope of Work\n\nText.\n");
  EXPECT_EQ(Headings(document), (Strings{"1 Top", "1 Under", "2 Smaller", "1 TERMS AND CONDITIONS",
                                         "1 2. DEFINITIONS.", "2 2.1 Scope of Work"}));
}

TEST(FindStructure, DoesNotTakeSentencesAndListsForHeadings) {
  const ParsedDocument document = Structured(
      "1. The buyer shall pay the price.\n\n1. Apples\n2. Pears\n\nNO WARRANTY IS GIVEN FOR "
      "ANYTHING THAT THIS SOFTWARE MAY OR MAY NOT DO TO ANY OF YOUR SYSTEMS.\n\n-----\n\n# \n");
  EXPECT_EQ(Headings(document), Strings());
}

TEST(FindStructure, BeginsABlockWithEachClauseAndItem) {
  const ParsedDocument document = Structured(
      "The lessee shall:\n(a) pay the rent\n    in time;\n(b) keep it clean.\n\n- one\n- two\n");
  Strings blocks;
  for (const Block& block : document.blocks) blocks.push_back(TextOf(document, block));
  EXPECT_EQ(blocks, (Strings{"The lessee shall:", "(a) pay the rent\n    in time;",
                             "(b) keep it clean.", "- one", "- two"}));
  EXPECT_TRUE(document.blocks[0].keep_with_next);
  EXPECT_EQ(document.blocks[1].kind, BlockKind::kClause);
  EXPECT_EQ(document.blocks[3].kind, BlockKind::kListItem);
}

TEST(FindStructure, KeepsTablesAndFencedCodeApart) {
  const ParsedDocument document =
      Structured("| A | B |\n|---|---|\n| 1 | 2 |\n\n```sh\n# not a heading\n\n1. run\n```\nText.");
  ASSERT_EQ(document.blocks.size(), 4u);
  EXPECT_EQ(TextOf(document, document.blocks[0]), "| A | B |\n|---|---|");
  EXPECT_TRUE(document.blocks[0].first_row);
  EXPECT_EQ(document.blocks[1].kind, BlockKind::kTableRow);
  EXPECT_FALSE(document.blocks[1].first_row);
  EXPECT_EQ(TextOf(document, document.blocks[2]), "```sh\n# not a heading\n\n1. run\n```");
  EXPECT_EQ(document.blocks[2].kind, BlockKind::kCode);
}

TEST(FindStructure, EndsAParagraphWithALineTooLongToBeWrapped) {
  const std::string sentence(130, 'x');
  const ParsedDocument document = Structured(sentence + ".\nThen another.\nGoes on.");
  ASSERT_EQ(document.blocks.size(), 2u);
  EXPECT_EQ(TextOf(document, document.blocks[1]), "Then another.\nGoes on.");
}

TEST(FindStructure, CoversRandomText) {
  const Strings pieces = {"word",          "Word", " ",  "\n",  "\n\n", "# ",       "1. ",
                          "(a) ",          "- ",   "| ", "```", "====", "---",      "§ 4",
                          "CAPITALS HERE", "\r\n", ".",  ":",   "\t",   "ARTICLE I"};
  std::mt19937 random(3);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    const size_t count = random() % 25;
    for (size_t i = 0; i < count; ++i) text += pieces[random() % pieces.size()];
    ExpectBlocksCoverText(text, FindStructure(text));
    if (HasFatalFailure()) return;
  }
}

TEST(FindTitle, IsTheFirstHeadingOrAShortFirstLine) {
  const auto title = [](std::string_view text) { return FindTitle(text, FindStructure(text)); };
  EXPECT_EQ(title("# Guide\n\nText."), "Guide");
  EXPECT_EQ(title("A short note\n\nText."), "A short note");
  EXPECT_EQ(title("One line\nand a second.\n"), "");
  EXPECT_EQ(title(""), "");
}

}  // namespace
}  // namespace footnote::indexer
