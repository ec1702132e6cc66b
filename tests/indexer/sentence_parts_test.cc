#include "indexer/pipeline/sentence_parts.h"

#include <gmock/gmock.h>

#include <string>

namespace footnote::indexer {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> PartsOf(const std::string& text) {
  std::vector<std::string> parts;
  for (const ByteSpan& span : SentenceParts(text)) {
    parts.push_back(text.substr(span.start, span.size()));
  }
  return parts;
}

TEST(SentencePartsTest, ShortSentencesGoWithTheirNeighbours) {
  EXPECT_THAT(PartsOf("The lessee shall pay the rent on the first day. Each month. No later, "
                      "whatever the calendar says about it. So be it."),
              ElementsAre("The lessee shall pay the rent on the first day.",
                          "Each month. No later, whatever the calendar says about it. So be it."));
  EXPECT_THAT(PartsOf("Yes. No."), ElementsAre("Yes. No."));
  EXPECT_THAT(PartsOf(""), IsEmpty());
  EXPECT_THAT(PartsOf(" \n"), IsEmpty());
}

TEST(SentencePartsTest, ThereAreAtMostSixteenInOrderAndNothingIsLost) {
  std::string text;
  for (int i = 0; i < 100; ++i) {
    text += "Sentence number " + std::to_string(i) + " is about as long as the others are. ";
  }
  const std::vector<ByteSpan> parts = SentenceParts(text);
  EXPECT_LE(parts.size(), 16u);
  EXPECT_GE(parts.size(), 6u);
  uint64_t at = 0;
  for (const ByteSpan& part : parts) {
    EXPECT_EQ(text.substr(at, part.start - at).find_first_not_of(" \n"), std::string::npos);
    EXPECT_GT(part.end, part.start);
    at = part.end;
  }
  EXPECT_EQ(text.substr(at).find_first_not_of(" \n"), std::string::npos);
}

}  // namespace
}  // namespace footnote::indexer
