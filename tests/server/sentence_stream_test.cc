#include "server/sentence_stream.h"

#include <gtest/gtest.h>

#include "tests/testing/scripted_generator.h"
#include "tests/testing/status_matchers.h"

namespace footnote::server {
namespace {

generator::GenerationRequest Request(int max_tokens = 1000) {
  generator::GenerationRequest request;
  request.prompt = {1};
  request.max_tokens = max_tokens;
  return request;
}

std::vector<std::string> All(SentenceStream& stream) {
  std::vector<std::string> sentences;
  for (;;) {
    auto next = stream.Next();
    EXPECT_OK(next);
    if (!next.ok() || !next->has_value()) return sentences;
    sentences.push_back((*next)->text);
  }
}

TEST(SentenceStream, GivesWholeSentencesInOrder) {
  testing::ScriptedGenerator generator;
  generator.script = {
      "The fee is 5 %. It is due on 1 May, e.g. by transfer. Späte Zahlung kostet mehr"};
  SentenceStream stream(generator, Request(), CallContext());
  EXPECT_EQ(All(stream),
            (std::vector<std::string>{"The fee is 5 %.", "It is due on 1 May, e.g. by transfer.",
                                      "Späte Zahlung kostet mehr"}));
  EXPECT_EQ(
      stream.result().tokens.size(),
      generator.tokenizer()
          .Encode("The fee is 5 %. It is due on 1 May, e.g. by transfer. Späte Zahlung kostet mehr",
                  {false, false})
          .size());
}

TEST(SentenceStream, TokenCountsDoNotDependOnTheConsumer) {
  testing::ScriptedGenerator generator;
  generator.script = {"One is here. Two is here. Three is here."};
  SentenceStream stream(generator, Request(), CallContext());
  auto first = stream.Next();
  ASSERT_OK(first);
  ASSERT_TRUE(first->has_value());
  // "One is here." is complete with the first character of what follows.
  EXPECT_EQ((*first)->tokens_so_far, 14);
}

TEST(SentenceStream, StopEndsTheGenerationAndTheStream) {
  testing::ScriptedGenerator generator;
  generator.script = {std::string(100000, 'a') + " b. C d. E f."};
  SentenceStream stream(generator, Request(1000000), CallContext());
  stream.Stop();
  auto next = stream.Next();
  ASSERT_OK(next);
  EXPECT_FALSE(next->has_value());
}

TEST(SentenceStream, HandsOnTheGeneratorsError) {
  testing::ScriptedGenerator generator;
  generator.failure = ResourceExhaustedError("the queue is full");
  SentenceStream stream(generator, Request(), CallContext());
  EXPECT_STATUS(stream.Next(), kResourceExhausted, "queue");
}

TEST(SentenceStream, ACutCharacterAtTheEndBecomesAReplacement) {
  testing::ScriptedGenerator generator;
  generator.script = {"Temperature in \xC2"};
  SentenceStream stream(generator, Request(), CallContext());
  EXPECT_EQ(All(stream), (std::vector<std::string>{"Temperature in \xEF\xBF\xBD"}));
}

}  // namespace
}  // namespace footnote::server
