#include "indexer/chunking/chunker.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "common/text/sentences.h"
#include "indexer/text/structure.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/fake_embedder.h"

namespace footnote::indexer {
namespace {

using retriever::Chunk;
using Strings = std::vector<std::string>;

ParsedDocument Document(std::string text, std::string title = "") {
  ParsedDocument document;
  document.text = std::move(text);
  document.title = std::move(title);
  document.blocks = FindStructure(document.text);
  return document;
}

std::string Words(int count, const std::string& word = "word") {
  std::string text;
  for (int i = 0; i < count; ++i) text += (i == 0 ? "" : " ") + word;
  return text;
}

class ChunkerTest : public ::testing::Test {
 protected:
  std::vector<Chunk> Chunks(const ParsedDocument& document, int budget = 60) {
    return MakeChunks(document, embedder_, budget);
  }
  Strings Texts(const ParsedDocument& document, int budget = 60) {
    Strings texts;
    for (const Chunk& chunk : Chunks(document, budget)) {
      texts.push_back(document.text.substr(chunk.span.start, chunk.span.size()));
    }
    return texts;
  }
  testing::FakeEmbedder embedder_{8};
};

TEST_F(ChunkerTest, KeepsASmallDocumentWhole) {
  const ParsedDocument document = Document("One sentence. Two.\n\nThree.", "Title");
  const std::vector<Chunk> chunks = Chunks(document);
  ASSERT_EQ(chunks.size(), 1u);
  EXPECT_EQ(chunks[0].span, (ByteSpan{0, document.text.size()}));
  EXPECT_EQ(chunks[0].tokens, 4);
  EXPECT_EQ(chunks[0].embedded_text, "Title\n" + document.text);
}

TEST_F(ChunkerTest, GivesNothingForNothing) { EXPECT_TRUE(Chunks(Document(" \n\n ")).empty()); }

TEST_F(ChunkerTest, CutsBetweenSectionsAndNamesTheHeadingPath) {
  const ParsedDocument document =
      Document("# Manual\n\n## Care\n\n" + Words(40) + ".\n\n## Repair\n\n" + Words(40) + ".\n");
  const std::vector<Chunk> chunks = Chunks(document);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].heading_path, (Strings{"Manual", "Care"}));
  EXPECT_EQ(chunks[1].heading_path, (Strings{"Manual", "Repair"}));
  EXPECT_TRUE(chunks[1].embedded_text.starts_with("Manual\n## Repair\n\nword"));
}

TEST_F(ChunkerTest, NeverLeavesAHeadingBehind) {
  const ParsedDocument document =
      Document("# A\n\n" + Words(50) + ".\n\n# B\n\n" + Words(30) + ". " + Words(30) + ".\n");
  for (const std::string& text : Texts(document)) EXPECT_FALSE(text.ends_with("# B")) << text;
}

TEST_F(ChunkerTest, JoinsSmallNeighboursUnderOneParentOnly) {
  const ParsedDocument siblings =
      Document("# A\n\n## B\n\n" + Words(8) + ".\n\n## C\n\n" + Words(8) + ".\n");
  EXPECT_EQ(Texts(siblings).size(), 1u);
  EXPECT_EQ(Chunks(siblings)[0].heading_path, Strings{"A"});
  const ParsedDocument strangers =
      Document("# A\n\n## B\n\n" + Words(15) + ".\n\n# C\n\n" + Words(15) + ".\n");
  EXPECT_EQ(Texts(strangers).size(), 2u);
}

TEST_F(ChunkerTest, PrefersParagraphsToSentencesForACut) {
  const std::string first = Words(20, "one") + ". " + Words(12, "uno") + ".";
  const std::string second = Words(20, "two") + ". " + Words(12, "due") + ".";
  EXPECT_EQ(Texts(Document(first + "\n\n" + second)), (Strings{first, second}));
}

TEST_F(ChunkerTest, SplitsASentenceOnlyWhenItAloneIsTooLong) {
  const std::string text = "Short one. " + Words(150, "Long") + ". Short two.";
  const Strings texts = Texts(Document(text));
  EXPECT_GE(texts.size(), 3u);
  for (const std::string& chunk : texts) EXPECT_LE(embedder_.CountTokens(chunk), 60);
}

TEST_F(ChunkerTest, SplitsTextWithoutSpacesBetweenCharacters) {
  // One token per byte above 127 would not fit; the fake counts one, so count bytes instead.
  class ByteCounter : public testing::FakeEmbedder {
   public:
    ByteCounter() : FakeEmbedder(8) {}
    int CountTokens(std::string_view text) const override { return static_cast<int>(text.size()); }
  } embedder;
  std::string text;
  for (int i = 0; i < 100; ++i) text += "語";
  const ParsedDocument document = Document(text);
  uint64_t at = 0;
  for (const Chunk& chunk : MakeChunks(document, embedder, 30)) {
    EXPECT_EQ(chunk.span.start, at);
    EXPECT_EQ(chunk.span.size() % 3, 0u);
    at = chunk.span.end;
  }
  EXPECT_EQ(at, text.size());
}

TEST_F(ChunkerTest, NamesTheClauseAChunkBeginsIn) {
  const ParsedDocument document =
      Document("7. PAYMENT\n\n7.1 The buyer pays. " + Words(40) + ".\n\n(a) in time; " + Words(40) +
               ".\n\n(b) in full. " + Words(40) + ".\n\n8. " + Words(40) + ".\n");
  Strings clauses;
  for (const Chunk& chunk : Chunks(document)) clauses.push_back(chunk.clause);
  EXPECT_EQ(clauses, (Strings{"7", "7.1(a)", "7.1(b)", "8"}));
  EXPECT_TRUE(Chunks(document).back().heading_path.empty());
}

TEST_F(ChunkerTest, CountsPagesFromOne) {
  ParsedDocument document = Document(Words(50) + ".\n\n" + Words(50) + ".");
  document.page_starts = {0, document.text.find("\n\n") + 2};
  const std::vector<Chunk> chunks = Chunks(document);
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].page, 1);
  EXPECT_EQ(chunks[1].page, 2);
  EXPECT_EQ(Chunks(Document("No pages."))[0].page, 0);
}

TEST_F(ChunkerTest, RepeatsTheColumnNamesForLaterRows) {
  std::string text = "| Part | Weight |\n|---|---|\n";
  for (int i = 0; i < 60; ++i) text += "| lid | 2 |\n";
  const std::vector<Chunk> chunks = Chunks(Document(text, "Parts"));
  ASSERT_GT(chunks.size(), 1u);
  EXPECT_TRUE(chunks[1].embedded_text.starts_with("Parts\n| Part | Weight |\n|---|---|\n| lid"));
}

TEST_F(ChunkerTest, TokenisesTheTextAboutOnce) {
  class Counter : public testing::FakeEmbedder {
   public:
    Counter() : FakeEmbedder(8) {}
    int CountTokens(std::string_view text) const override {
      bytes += text.size();
      return FakeEmbedder::CountTokens(text);
    }
    mutable size_t bytes = 0;
  } embedder;
  std::string text;
  for (int i = 0; i < 300; ++i) text += "First " + Words(12) + ". ";
  MakeChunks(Document(text, "Title"), embedder, 60);
  EXPECT_LT(embedder.bytes, text.size() * 5 / 4);
}

TEST_F(ChunkerTest, CutsALongTextInLinearTime) {
  std::string text;
  for (int i = 0; i < 40000; ++i) text += i % 50 == 0 ? "\n\n# H\n\n- " : "- a b.\n";
  EXPECT_GT(Chunks(Document(text)).size(), 100u);  // quadratic work would run into the time limit
}

// Whatever the text: chunks are in order, apart, within the budget, hold all that is not white
// space, and cut no sentence that fits.
TEST_F(ChunkerTest, HoldsItsPromisesOnRandomDocuments) {
  const Strings pieces = {"Word one two three. ",
                          "A longer sentence with several more words in it. ",
                          "\n\n",
                          "\n",
                          "# Head\n\n",
                          "## Sub\n\n",
                          "1. Term. ",
                          "(a) part; ",
                          "- item\n",
                          "| a | b |\n",
                          "```\ncode line\n```\n",
                          "e.g. that ",
                          "§ 4 ",
                          "CAPITAL LINE\n\n",
                          "word "};
  std::mt19937 random(11);
  for (int round = 0; round < 400; ++round) {
    std::string text;
    const size_t count = random() % 120;
    for (size_t i = 0; i < count; ++i) text += pieces[random() % pieces.size()];
    const ParsedDocument document = Document(text, round % 2 == 0 ? "A title of some words" : "");
    const int budget = 20 + static_cast<int>(random() % 100);
    std::set<uint64_t> inside;  // offsets inside sentences that must not be cut
    for (const Block& block : document.blocks) {
      if (block.kind == BlockKind::kCode) continue;
      const std::string_view content =
          std::string_view(text).substr(block.span.start, block.span.size());
      for (const ByteSpan& sentence : SplitSentences(content)) {
        if (embedder_.CountTokens(content.substr(sentence.start, sentence.size())) > budget / 2) {
          continue;
        }
        for (uint64_t at = sentence.start + 1; at < sentence.end; ++at) {
          inside.insert(block.span.start + at);
        }
      }
    }
    std::vector<Block> spans;
    for (const Chunk& chunk : Chunks(document, budget)) {
      spans.push_back({BlockKind::kParagraph, chunk.span, 0, "", false, false});
      ASSERT_LE(embedder_.CountTokens(chunk.embedded_text), budget) << chunk.embedded_text;
      ASSERT_EQ(chunk.tokens, embedder_.CountTokens(std::string_view(text).substr(
                                  chunk.span.start, chunk.span.size())));
      ASSERT_FALSE(inside.contains(chunk.span.start)) << text << "\nat " << chunk.span.start;
      ASSERT_FALSE(inside.contains(chunk.span.end)) << text << "\nat " << chunk.span.end;
    }
    ExpectBlocksCoverText(text, spans);
    if (HasFatalFailure()) return;
  }
}

TEST(DefaultBudget, IsWhatTheEmbedderTakesButNotMoreThanSuitsOneVector) {
  EXPECT_EQ(DefaultBudgetTokens(testing::FakeEmbedder(8)), 180);
  class Short : public testing::FakeEmbedder {
   public:
    Short() : FakeEmbedder(8) {}
    int max_tokens() const override { return 128; }
  };
  EXPECT_EQ(DefaultBudgetTokens(Short()), 126);
}

}  // namespace
}  // namespace footnote::indexer
