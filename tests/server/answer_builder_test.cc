#include "server/answer_builder.h"

#include <gtest/gtest.h>

#include "common/sha256.h"

namespace footnote::server {
namespace {

Passage MakePassage(const std::string& id, uint64_t start, const std::string& text) {
  Passage passage;
  passage.document_id = id;
  passage.version = "v1";
  passage.title = "Title of " + id;
  passage.span = {start, start + text.size()};
  passage.text = text;
  return passage;
}

generator::Support SupportOf(int passage, uint64_t start, uint64_t end, double score) {
  generator::Support support;
  support.passage = passage;
  support.span = {start, end};
  support.score = score;
  return support;
}

TEST(AnswerBuilder, FootnotesAreNumberedByFirstUseAndReused) {
  const std::vector<Passage> passages = {MakePassage("a", 100, "Alpha one. Alpha two."),
                                         MakePassage("b", 0, "Beta.")};
  AnswerBuilder builder(passages);
  const std::vector<generator::Support> beta = {SupportOf(1, 0, 5, 0.9)};
  const std::vector<generator::Support> alpha = {SupportOf(0, 100, 110, 0.8)};
  EXPECT_EQ(builder.Add("First.", SentenceOrigin::kGenerated, beta).size(), 1u);
  EXPECT_EQ(builder.Add("Second.", SentenceOrigin::kGenerated, alpha).size(), 1u);
  EXPECT_TRUE(builder.Add("Third.", SentenceOrigin::kRegenerated, beta).empty())
      << "an old footnote is not new";
  Answer answer;
  builder.Finish(answer);
  EXPECT_EQ(answer.text, "First. Second. Third.");
  ASSERT_EQ(answer.sentences.size(), 3u);
  EXPECT_EQ(answer.sentences[2].citations, std::vector<int>{1});
  for (const AnswerSentence& sentence : answer.sentences) {
    EXPECT_EQ(answer.text.substr(sentence.span.start, sentence.span.size()), sentence.text);
  }
  ASSERT_EQ(answer.citations.size(), 2u);
  EXPECT_EQ(answer.citations[0].document_id, "b");
  EXPECT_EQ(answer.citations[1].quote, "Alpha one.")
      << "the quote is the document's bytes, not the passage's offset";
  EXPECT_EQ(answer.citations[1].content_sha256, Sha256Hex("Alpha one."));
  EXPECT_NEAR(answer.grounding_score, (0.9 + 0.8 + 0.9) / 3, 1e-12);
}

TEST(StripCitationMarks, RemovesMarksAndNothingElse) {
  EXPECT_EQ(StripCitationMarks("It binds [1]. See [2, 3] and [a] or array[0x]."),
            "It binds. See and [a] or array[0x].");
  EXPECT_EQ(StripCitationMarks("  [1] "), "");
  EXPECT_EQ(StripCitationMarks("open [1"), "open [1");
}

}  // namespace
}  // namespace footnote::server
