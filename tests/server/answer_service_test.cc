#include "server/answer_service.h"

#include <gtest/gtest.h>

#include "common/sha256.h"
#include "tests/testing/scripted_generator.h"
#include "tests/testing/status_matchers.h"

namespace footnote::server {
namespace {

// Own text, written for these tests.
constexpr char kLease[] =
    "The tenant shall pay the rent of 950 EUR on the first working day of each month. "
    "The tenant may not keep dogs in the apartment without written consent of the landlord. "
    "Either party may end the lease with a notice period of three months.";
constexpr char kGarden[] =
    "The garden behind the house is shared by all tenants. Barbecues are allowed until ten in the "
    "evening.";

class FixedRetriever : public retriever::RetrievalBackend {
 public:
  FixedRetriever() {
    Add("lease.txt", "Lease agreement", kLease, 0.62, 9.0);
    Add("house-rules.txt", "House rules", kGarden, 0.41, 3.0);
  }

  StatusOr<retriever::RetrievalResult> Retrieve(const retriever::RetrievalRequest& request,
                                                const CallContext& call) override {
    FOOTNOTE_RETURN_IF_ERROR(call.Check());
    last = request;
    retriever::RetrievalResult result;
    result.generation = 7;
    result.passages = passages;
    return result;
  }

  std::vector<Passage> passages;
  retriever::RetrievalRequest last;

 private:
  void Add(const char* id, const char* title, const char* text, double dense, double lexical) {
    Passage passage;
    passage.document_id = id;
    passage.version = "v";
    passage.title = title;
    passage.text = text;
    // As if the passage began at byte 40 of its document.
    passage.span = {40, 40 + passage.text.size()};
    passage.score = dense;
    passage.dense_score = dense;
    passage.lexical_score = lexical;
    passages.push_back(passage);
  }
};

class AnswerServiceTest : public ::testing::Test {
 protected:
  StatusOr<Answer> Ask(const std::string& question, AnswerMode mode = AnswerMode::kGrounded) {
    AnswerRequest request;
    request.question = question;
    request.mode = mode;
    AnswerServiceOptions options;
    options.prompt_budget_tokens = 100000;  // the fake tokenizer has a token per byte
    options.max_answer_tokens = 1000;
    AnswererIdentity identity;
    identity.corpus = "homes";
    identity.model_sha256 = "m";
    AnswerService service(&retriever_, &generator_, nullptr, identity, options);
    return service.Ask(request, CallContext(), &listener_);
  }

  // Every citation quotes its document's bytes and carries their digest.
  void ExpectSoundCitations(const Answer& answer) {
    for (const Citation& citation : answer.citations) {
      const std::string text = citation.document_id == "lease.txt" ? kLease : kGarden;
      EXPECT_EQ(citation.quote, text.substr(citation.span.start - 40, citation.span.size()));
      EXPECT_EQ(citation.content_sha256, Sha256Hex(citation.quote));
    }
    for (const AnswerSentence& sentence : answer.sentences) {
      EXPECT_FALSE(sentence.citations.empty()) << sentence.text;
      EXPECT_EQ(answer.text.substr(sentence.span.start, sentence.span.size()), sentence.text);
    }
  }

  struct Listener : AnswerListener {
    void OnPassages(const std::vector<Passage>& passages, double) override {
      passages_heard = passages.size();
    }
    void OnSentence(const AnswerSentence& sentence, const std::vector<Citation>&) override {
      heard.push_back(sentence.text);
    }
    size_t passages_heard = 0;
    std::vector<std::string> heard;
  };

  FixedRetriever retriever_;
  testing::ScriptedGenerator generator_;
  Listener listener_;
};

TEST_F(AnswerServiceTest, SupportedSentencesLeaveWithTheirFootnotes) {
  generator_.script = {
      "The tenant shall pay the rent of 950 EUR on the first working day of each month [2]."};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Ask("When does the tenant pay the rent of the apartment?"));
  ASSERT_FALSE(answer.abstained) << AbstainReasonName(answer.reason) << " " << answer.answerability;
  ASSERT_EQ(answer.sentences.size(), 1u);
  EXPECT_EQ(answer.sentences[0].origin, SentenceOrigin::kGenerated);
  EXPECT_EQ(answer.text,
            "The tenant shall pay the rent of 950 EUR on the first working day of each month.");
  ASSERT_FALSE(answer.citations.empty());
  EXPECT_EQ(answer.citations[0].document_id, "lease.txt")
      << "the model's own mark [2] must not count";
  ExpectSoundCitations(answer);
  EXPECT_EQ(listener_.heard, std::vector<std::string>{answer.text});
  EXPECT_EQ(listener_.passages_heard, 2u);
  EXPECT_EQ(answer.record.generation, 7u);
  EXPECT_EQ(answer.record.prompt_sha256.size(), 64u);
}

TEST_F(AnswerServiceTest, AChangedNumberIsNeverHeard) {
  generator_.script = {
      "The tenant shall pay the rent of 590 EUR on the first working day of each month.",
      "The tenant shall pay the rent of 590 EUR on the first working day of each month."};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Ask("How much rent does the tenant pay on the first working day?"));
  for (const std::string& text : listener_.heard)
    EXPECT_EQ(text.find("590"), std::string::npos) << text;
  EXPECT_EQ(answer.text.find("590"), std::string::npos);
  ASSERT_EQ(generator_.requests.size(), 2u) << "regenerated once, not more";
  for (const generator::GenerationRequest& request : generator_.requests) {
    ASSERT_EQ(request.quotable.size(), 1u);
    const auto [begin, end] = request.quotable[0];
    const std::vector<generator::TokenId> passages(
        request.prompt.begin() + static_cast<ptrdiff_t>(begin),
        request.prompt.begin() + static_cast<ptrdiff_t>(end));
    EXPECT_NE(generator_.tokenizer().Decode(passages, false).find("950 EUR"), std::string::npos)
        << "the generator is told where the passages are";
  }
  ASSERT_NE(generator_.requests[1].constraint, nullptr);
  for (const generator::TokenId first : generator_.requests[1].constraint->Allowed({})) {
    EXPECT_EQ(first, ' ') << "the second try begins with a word of the passages";
  }
  if (!answer.abstained) {
    EXPECT_EQ(answer.sentences[0].origin, SentenceOrigin::kQuoted);
    EXPECT_NE(answer.text.find("950 EUR"), std::string::npos) << answer.text;
  }
  ExpectSoundCitations(answer);
}

TEST_F(AnswerServiceTest, ARegeneratedSentenceSaysSo) {
  generator_.script = {"Dogs are welcome on Mars.",
                       "either party may end the lease with notice of three months."};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Ask("With what notice period may either party end the lease?"));
  ASSERT_FALSE(answer.abstained);
  EXPECT_EQ(answer.sentences[0].origin, SentenceOrigin::kRegenerated);
  EXPECT_EQ(answer.sentences[0].text,
            "Either party may end the lease with notice of three months.");
  ExpectSoundCitations(answer);
}

TEST_F(AnswerServiceTest, WhatIsCopiedWordForWordIsCalledAQuotation) {
  generator_.script = {"Dogs are welcome on Mars.",
                       "Either party may end the lease\nwith a notice period of three months."};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Ask("With what notice period may either party end the lease?"));
  ASSERT_FALSE(answer.abstained);
  EXPECT_EQ(answer.sentences[0].origin, SentenceOrigin::kQuoted);
  ExpectSoundCitations(answer);
}

TEST_F(AnswerServiceTest, AbstainsBeforeGeneratingWhenNothingIsRelevant) {
  for (Passage& passage : retriever_.passages) {
    passage.dense_score = 0.03;
    passage.lexical_score = 0;
  }
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("What is the capital of France?"));
  EXPECT_TRUE(answer.abstained);
  EXPECT_EQ(answer.reason, AbstainReason::kNoRelevantContent);
  EXPECT_TRUE(answer.text.empty());
  EXPECT_TRUE(answer.citations.empty());
  EXPECT_EQ(answer.passages.size(), 2u) << "the nearest passages are shown";
  EXPECT_TRUE(generator_.requests.empty()) << "nothing was generated";
  EXPECT_TRUE(listener_.heard.empty());
}

TEST_F(AnswerServiceTest, AnEmptyCorpusAndAForbiddenOneLookTheSame) {
  retriever_.passages.clear();
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("When does the tenant pay the rent?"));
  EXPECT_TRUE(answer.abstained);
  EXPECT_EQ(answer.reason, AbstainReason::kNoRelevantContent);
  EXPECT_EQ(answer.answerability, 0);
}

TEST_F(AnswerServiceTest, PlainModeSaysWhatTheModelSays) {
  generator_.script = {"The rent is 590 EUR."};
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("How much is the rent?", AnswerMode::kPlain));
  EXPECT_EQ(answer.text, "The rent is 590 EUR.");
  EXPECT_FALSE(answer.abstained);
}

TEST_F(AnswerServiceTest, RefusesQuestionsThatAreNotQuestions) {
  EXPECT_STATUS(Ask(""), kInvalidArgument, "empty");
  EXPECT_STATUS(Ask(" \n\t"), kInvalidArgument, "empty");
  EXPECT_STATUS(Ask("caf\xE9?"), kInvalidArgument, "byte 3");
  EXPECT_STATUS(Ask(std::string(1 << 20, 'a')), kInvalidArgument, "1048576 bytes");
}

TEST_F(AnswerServiceTest, HandsOnTheGeneratorsError) {
  generator_.failure = ResourceExhaustedError("64 requests wait already");
  EXPECT_STATUS(Ask("When does the tenant pay the rent of the apartment?"), kResourceExhausted,
                "64 requests");
}

}  // namespace
}  // namespace footnote::server
