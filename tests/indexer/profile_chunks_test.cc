#include <gtest/gtest.h>

#include <random>

#include "indexer/chunking/chunker.h"
#include "indexer/text/structure.h"
#include "tests/indexer/parse_text.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"

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

class ProfileChunksTest : public ::testing::Test {
 protected:
  std::vector<Chunk> Chunks(const ParsedDocument& document, int budget = 60) {
    return MakeChunks(document, embedder_, budget, profile_);
  }
  // How many chunks hold a part of `piece` of the text, which holds it once.
  size_t ChunksOf(const std::string& text, const std::string& piece) {
    const ParsedDocument document = Document(text);
    const uint64_t start = text.find(piece);
    EXPECT_NE(start, std::string::npos) << piece;
    size_t count = 0;
    for (const Chunk& chunk : Chunks(document)) {
      if (chunk.span.start < start + piece.size() && chunk.span.end > start) ++count;
    }
    return count;
  }
  // The text is cut in `piece` without the flag, and not with it.
  void ExpectKept(const std::string& text, const std::string& piece, bool Profile::*flag) {
    EXPECT_GT(ChunksOf(text, piece), 1u) << "the test shows nothing: " << text;
    profile_.*flag = true;
    EXPECT_EQ(ChunksOf(text, piece), 1u) << text;
  }

  testing::FakeEmbedder embedder_{8};
  Profile profile_;
};

TEST_F(ProfileChunksTest, KeepAClauseWithItsParts) {
  const std::string clause = "7.1 The buyer " + Words(10, "pays") + ".\n\n(a) " +
                             Words(16, "cash") + ".\n\n(b) " + Words(16, "bank") + ".";
  ExpectKept("7. PAYMENT\n\n7.0 " + Words(30, "first") + ".\n\n" + clause + "\n\n7.2 " +
                 Words(30, "last") + ".\n",
             clause, &Profile::keep_clauses_whole);
}

TEST_F(ProfileChunksTest, KeepThePartsWhereTheClauseIsTooLong) {
  const std::string part = "(b) A " + Words(22, "bank") + ". A " + Words(21, "bill") + ".";
  ExpectKept("7.1 The buyer pays.\n\n(a) " + Words(28, "cash") + ".\n\n" + part + "\n\n(c) " +
                 Words(28, "coin") + ".\n",
             part, &Profile::keep_clauses_whole);
}

TEST_F(ProfileChunksTest, CutAClauseThatDoesNotFit) {
  profile_.keep_clauses_whole = true;
  const std::string clause = "7.1 " + Words(40) + ". " + Words(40) + ". " + Words(40) + ".";
  EXPECT_GE(ChunksOf(clause, clause), 3u);
}

TEST_F(ProfileChunksTest, KeepADefinitionWithItsPartsAndInsideAParagraph) {
  const std::string with_parts = "\"Affiliate\" means " + Words(12, "one") + ":\n\n(a) " +
                                 Words(14, "two") + "; or\n\n(b) " + Words(14, "three") + ".";
  ExpectKept("\"Act\" means " + Words(30, "law") + ".\n\n" + with_parts + "\n\n\"Term\" means " +
                 Words(30, "time") + ".\n",
             with_parts, &Profile::keep_definitions_whole);
  profile_ = Profile();
  const std::string inside =
      "\"Affiliate\" means " + Words(22, "one") + ". It is " + Words(22, "two") + ".";
  ExpectKept("\"Act\" means " + Words(26, "law") + ". " + inside + " \"Term\" means " +
                 Words(26, "time") + ".\n",
             inside, &Profile::keep_definitions_whole);
}

TEST_F(ProfileChunksTest, PreferADefinitionInsideAParagraphForACut) {
  const std::string text = "A " + Words(29, "one") + ". A " + Words(21, "two") +
                           ". \"Term\" means " + Words(26, "time") + ".";
  EXPECT_EQ(Chunks(Document(text))[1].span.start, text.find("A two"));
  profile_.keep_definitions_whole = true;
  EXPECT_EQ(Chunks(Document(text))[1].span.start, text.find("\"Term"));
}

TEST_F(ProfileChunksTest, KeepWhatFitsOfWhatDoesNotFitWithItsContext) {
  profile_.keep_clauses_whole = true;
  profile_.costs.clause = 3;  // so dear that only what is kept together is dearer
  const std::string text = "7.1 Payment is due.\n\n(a) A " + Words(11, "cash") + ". A " +
                           Words(10, "bill") + ".\n\n(b) " + Words(23, "bank") + ".\n";
  const std::vector<Chunk> chunks = Chunks(Document(text, Words(12, "title")));
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[1].span.start, text.find("(b)"));
}

TEST_F(ProfileChunksTest, KeepCodeWithTheLineThatIntroducesIt) {
  profile_.costs.introduced = 0;
  std::string code = "Run this:\n\n```\n";
  for (int i = 0; i < 12; ++i) code += "call one two\n";
  code += "```";
  ExpectKept(Words(35, "before") + ".\n\n" + code + "\n\n" + Words(35, "after") + ".\n", code,
             &Profile::keep_code_whole);
}

TEST_F(ProfileChunksTest, KeepAListWithTheLineThatIntroducesIt) {
  profile_.costs.introduced = 0;
  std::string list = "You need the following:\n\n";
  for (int i = 0; i < 11; ++i) list += "- a thing of note\n";
  list.pop_back();
  ExpectKept(Words(35, "before") + ".\n\n" + list + "\n\n" + Words(35, "after") + ".\n", list,
             &Profile::keep_lists_whole);
}

TEST_F(ProfileChunksTest, CostsMoveTheCuts) {
  const std::string text = Words(20, "one") + ". A " + Words(12, "uno") + ".\n\n" +
                           Words(20, "two") + ". A " + Words(12, "due") + ".";
  EXPECT_EQ(Chunks(Document(text))[1].span.start, text.find("two"));
  profile_.costs.paragraph = 2;
  profile_.costs.sentence = 0;
  EXPECT_NE(Chunks(Document(text))[1].span.start, text.find("two"));
}

TEST_F(ProfileChunksTest, AbbreviationsOfTheProfileEndNoSentence) {
  const std::string text = Words(30) + " subcut. Heparin " + Words(30, "x") + ".";
  const uint64_t heparin = text.find("Heparin");
  EXPECT_EQ(Chunks(Document(text))[1].span.start, heparin);
  profile_.sentence_abbreviations = {"subcut"};
  for (const Chunk& chunk : Chunks(Document(text))) EXPECT_NE(chunk.span.start, heparin);
}

TEST_F(ProfileChunksTest, WordsOfTheProfileMakeClauses) {
  const std::string text = "Artikel 5. " + Words(40) + ".\n\nArtikel 6. " + Words(40) + ".\n";
  EXPECT_EQ(Chunks(Document(text))[1].clause, "");
  profile_.clause_words = {"artikel"};
  const std::vector<Chunk> chunks = Chunks(Document(text));
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].clause, "5");
  EXPECT_EQ(chunks[1].clause, "6");
  // What is not among them is none any more.
  EXPECT_EQ(Chunks(Document("Article 5. " + Words(40) + "."))[0].clause, "");
}

TEST_F(ProfileChunksTest, SayLongFormsWhereAChunkHasTheShortAlone) {
  profile_.abbreviations = {{"MI", "myocardial infarction"}, {"CKD", "chronic kidney disease"}};
  const auto embedded = [&](const std::string& text) {
    return Chunks(Document(text, "Title")).at(0).embedded_text;
  };
  EXPECT_EQ(embedded("An MI with CKD."),
            "Title\nMI: myocardial infarction; CKD: chronic kidney disease\nAn MI with CKD.");
  EXPECT_EQ(embedded("No such word."), "Title\nNo such word.");
  EXPECT_EQ(embedded("An MI is a Myocardial\ninfarction."),
            "Title\nAn MI is a Myocardial\ninfarction.");
}

TEST_F(ProfileChunksTest, SayInAllOfADocumentWhatItDefinesOnce) {
  profile_.abbreviations_from_text = true;
  const std::vector<Chunk> chunks =
      Chunks(Document("# A\n\nA myocardial infarction (MI) " + Words(40) + ".\n\n# B\n\nAfter MI " +
                      Words(40) + ".\n"));
  ASSERT_EQ(chunks.size(), 2u);
  EXPECT_EQ(chunks[0].embedded_text.find("MI:"), std::string::npos);
  EXPECT_TRUE(chunks[1].embedded_text.starts_with("MI: myocardial infarction\n# B"))
      << chunks[1].embedded_text;
}

// Whatever the profile: chunks are in order, apart, within the budget, and hold all that is not
// white space.
TEST_F(ProfileChunksTest, HoldTheirPromisesOnRandomDocuments) {
  const Strings pieces = {"Word one two MI. ",
                          "\"Term\" means something with several more words in it. ",
                          "It goes on.\n\n",
                          "Run the following:\n\n",
                          "# Head\n\n",
                          "## 2. Sub\n\n",
                          "\n1. Term. ",
                          "\n1.1 Payment is due. ",
                          "\n(a) part; ",
                          "\n(i) smaller part; ",
                          "\n- item\n",
                          "| a | b |\n",
                          "\n```\ncode line\nmore code\n```\n",
                          "computed tomography (CT) ",
                          "CT and CKD ",
                          "CAPITAL LINE\n\n",
                          "word "};
  std::mt19937 random(12);
  for (const std::string& name : ProfileNames()) {
    ASSERT_OK_AND_ASSIGN(profile_, LoadProfile(name, {}));
    profile_.abbreviations["MI"] = "myocardial infarction";
    for (int round = 0; round < 100; ++round) {
      std::string text;
      const size_t count = random() % 120;
      for (size_t i = 0; i < count; ++i) text += pieces[random() % pieces.size()];
      const ParsedDocument document = Document(text, round % 2 == 0 ? "A title of some words" : "");
      const int budget = 40 + static_cast<int>(random() % 100);
      std::vector<Block> spans;
      for (const Chunk& chunk : Chunks(document, budget)) {
        spans.push_back({BlockKind::kParagraph, chunk.span, 0, "", false, false});
        ASSERT_LE(embedder_.CountTokens(chunk.embedded_text), budget) << chunk.embedded_text;
      }
      ExpectBlocksCoverText(text, spans);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(ProfileChunksTest, AreCutInLinearTime) {
  profile_.keep_clauses_whole = profile_.keep_definitions_whole = true;
  profile_.keep_lists_whole = profile_.keep_code_whole = true;
  profile_.abbreviations_from_text = true;
  std::string text;
  for (int i = 0; i < 40000; ++i) text += i % 50 == 0 ? "\n\n1. X\n\n" : "1.1 A (a b) MI.\n\n";
  EXPECT_GT(Chunks(Document(text)).size(), 100u);
}

}  // namespace
}  // namespace footnote::indexer
