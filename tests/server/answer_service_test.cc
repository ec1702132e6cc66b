#include "server/answer_service.h"

#include <gtest/gtest.h>

#include <algorithm>

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
    queries.push_back(request.query);
    return result;
  }

  std::vector<Passage> passages;
  retriever::RetrievalRequest last;
  std::vector<std::string> queries;

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
    request.prompt_time = prompt_time_;
    request.history = history_;
    return Service().Ask(request, CallContext(), &listener_);
  }

  StatusOr<Answer> Summarize(std::vector<retriever::Document> documents) {
    SummaryRequest request;
    request.documents = std::move(documents);
    request.generation = 7;
    return Service().Summarize(request, CallContext(), &listener_);
  }

  AnswerService Service() {
    AnswerServiceOptions options;
    options.prompt_budget_tokens = 100000;  // the fake tokenizer has a token per byte
    options.max_answer_tokens = 1000;
    AnswererIdentity identity;
    identity.corpus = "homes";
    identity.model_sha256 = "m";
    return {&retriever_, &generator_, nullptr, identity, options};
  }

  // Every citation quotes its document's bytes and carries their digest.
  void ExpectSoundCitations(const Answer& answer) {
    for (const Citation& citation : answer.citations) {
      const auto passage =
          std::find_if(answer.passages.begin(), answer.passages.end(), [&](const Passage& one) {
            return one.document_id == citation.document_id &&
                   one.span.start <= citation.span.start && citation.span.end <= one.span.end;
          });
      ASSERT_NE(passage, answer.passages.end());
      EXPECT_EQ(citation.quote, passage->text.substr(citation.span.start - passage->span.start,
                                                     citation.span.size()));
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

  std::string prompt_time_;
  std::vector<ConversationTurn> history_;
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
      "The tenant shall pay the rent of 590 EUR on the first working day of each month.",
      "The tenant shall pay the rent of 590 EUR on the first working day of each month."};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Ask("How much rent does the tenant pay on the first working day?"));
  for (const std::string& text : listener_.heard)
    EXPECT_EQ(text.find("590"), std::string::npos) << text;
  EXPECT_EQ(answer.text.find("590"), std::string::npos);
  ASSERT_GE(generator_.requests.size(), 2u);
  ASSERT_LE(generator_.requests.size(), 3u) << "from all, from the best places, from the best one";
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
  const std::vector<generator::TokenId> begun = generator_.tokenizer().Encode(
      "The tenant shall pay the rent of ", {.add_special = false, .parse_special = false});
  const std::vector<generator::TokenId> next = generator_.requests[1].constraint->Allowed(begun);
  EXPECT_NE(std::find(next.begin(), next.end(), '9'), next.end());
  EXPECT_EQ(std::find(next.begin(), next.end(), '5'), next.end())
      << "a number that the passages do not have can be written";
  if (!answer.abstained) {
    EXPECT_EQ(answer.sentences[0].origin, SentenceOrigin::kQuoted);
    EXPECT_NE(answer.text.find("950 EUR"), std::string::npos) << answer.text;
  }
  ExpectSoundCitations(answer);
}

TEST_F(AnswerServiceTest, WhatGivesTheQuestionBackOrSaysTooMuchOfItsOwnIsNotHeard) {
  for (const std::string empty :
       {"The tenant shall pay the rent.", "On the working day the tenant shall pay the rent:",
        "The tenant shall pay the rent of 950 EUR on the first working day of each popular "
        "monthly celebration."}) {
    generator_.script = {empty, empty};
    listener_.heard.clear();
    ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("When shall the tenant pay the rent?"));
    for (const std::string& text : listener_.heard) EXPECT_NE(text, empty);
    if (!answer.abstained) {
      EXPECT_EQ(answer.sentences[0].origin, SentenceOrigin::kQuoted) << empty;
    }
  }
}

TEST_F(AnswerServiceTest, TheSecondTryIsGivenTheBestPlacesAlone) {
  generator_.script = {"Dogs are welcome on Mars.",
                       "Barbecues are allowed in the evening, until ten."};
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("Until when are barbecues allowed?"));
  ASSERT_EQ(generator_.requests.size(), 2u);
  const auto prompt = [&](size_t i) {
    return generator_.tokenizer().Decode(generator_.requests[i].prompt, false);
  };
  EXPECT_NE(prompt(0).find("notice period"), std::string::npos);
  EXPECT_EQ(prompt(1).find("notice period"), std::string::npos);
  EXPECT_NE(prompt(1).find("Barbecues are allowed until ten"), std::string::npos);
  EXPECT_NE(prompt(1).find("Until when are barbecues allowed?"), std::string::npos);
  EXPECT_GT(answer.tokens.prompt, static_cast<int64_t>(generator_.requests[0].prompt.size()));
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

TEST_F(AnswerServiceTest, WhatTheModelIsMadeToSayIsDropped) {
  generator_.script = {"Dogs are welcome on Mars.",
                       "either party may end the lease with notice of three months."};
  generator_.log_probability = -1.2f;
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Ask("With what notice period may either party end the lease?"));
  for (const AnswerSentence& sentence : answer.sentences) {
    EXPECT_EQ(sentence.origin, SentenceOrigin::kQuoted) << sentence.text;
  }
}

TEST_F(AnswerServiceTest, ASentenceMayEndWhereItsModelWentOn) {
  generator_.script = {
      "Dogs are welcome on Mars.",
      "The garden behind the house is shared by all tenants, which is the house of "
      "the garden."};
  generator_.may_end_behind = "tenants";
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("By whom is the garden behind the house shared?"));
  ASSERT_FALSE(answer.abstained);
  EXPECT_EQ(answer.text, "The garden behind the house is shared by all tenants.");
  ExpectSoundCitations(answer);
}

TEST_F(AnswerServiceTest, ASentenceBesideWhatAnswersCitesBoth) {
  const std::string second = " It is bled by the caretaker in autumn.";
  const std::string text = "The boiler of the house runs at a pressure of 3 bar." + second;
  retriever_.passages.clear();
  retriever_.Add("boiler.txt", "Boiler", text.c_str(), 0.6, 8);
  const std::string question = "At what pressure does the boiler of the house run?";
  generator_.script = {"It is bled by the caretaker in autumn."};
  ASSERT_OK_AND_ASSIGN(const Answer beside, Ask(question));
  ASSERT_EQ(beside.sentences[0].origin, SentenceOrigin::kGenerated);
  ASSERT_EQ(beside.citations.size(), 1U);
  EXPECT_EQ(beside.citations[0].quote, text);
  ExpectSoundCitations(beside);
  // What rests on the core needs nothing beside it.
  generator_.script = {"It runs at a pressure of 3 bar."};
  ASSERT_OK_AND_ASSIGN(const Answer core, Ask(question));
  ASSERT_EQ(core.citations.size(), 1U);
  EXPECT_EQ(core.citations[0].quote, text.substr(0, text.size() - second.size()));
}

// Each word is a source's, and what is said of the one is the other's.
TEST_F(AnswerServiceTest, WordsInAnotherOrderAreNotSupported) {
  const std::string reversed =
      "The lease may end either party with a notice period of three months.";
  generator_.script = {reversed, reversed, reversed};
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("What notice period is there?"));
  EXPECT_EQ(answer.text.find("The lease may end"), std::string::npos) << answer.text;
  // In the source's order it passes.
  generator_.script = {"Either party may end the lease with a notice of three months."};
  ASSERT_OK_AND_ASSIGN(const Answer other, Ask("What notice period is there?"));
  EXPECT_EQ(other.text.find("Either party may end the lease with a notice of"), 0U) << other.text;
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

TEST_F(AnswerServiceTest, ADateInThePromptIsKeptAndGivenAgain) {
  generator_.UseTemplate(*generator::ChatTemplate::FromModelTemplate(
      "Today is {{ strftime_now('%d %b %Y, %H:%M:%S') }}. {% for message in messages %}"
      "{{ message['content'] }}\n{% endfor %}"));
  const std::string question = "When does the tenant pay the rent of the apartment?";
  ASSERT_OK_AND_ASSIGN(const Answer today, Ask(question));
  ASSERT_EQ(today.record.prompt_time.size(), 19u) << today.record.prompt_time;
  prompt_time_ = "2024-02-29T08:15:00";
  ASSERT_OK_AND_ASSIGN(const Answer then, Ask(question));
  EXPECT_EQ(then.record.prompt_time, prompt_time_);
  EXPECT_NE(then.record.prompt_sha256, today.record.prompt_sha256);
  EXPECT_NE(generator_.tokenizer()
                .Decode(generator_.requests.back().prompt, false)
                .find("Today is 29 Feb 2024, 08:15:00."),
            std::string::npos);
  prompt_time_ = today.record.prompt_time;
  ASSERT_OK_AND_ASSIGN(const Answer again, Ask(question));
  EXPECT_EQ(again.record.prompt_sha256, today.record.prompt_sha256);
  prompt_time_ = "2024-02-30T08:15:00";
  EXPECT_STATUS(Ask(question), kInvalidArgument, "2024-02-30");
}

TEST_F(AnswerServiceTest, APromptWithoutADateKeepsNone) {
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("When does the tenant pay the rent?"));
  EXPECT_EQ(answer.record.prompt_time, "");
}

TEST_F(AnswerServiceTest, AYesNoQuestionBeginsWithTheWordThatTheCitedTextSettles) {
  generator_.script = {"Yes, either party may end the lease with a notice period of three months."};
  ASSERT_OK_AND_ASSIGN(const Answer yes, Ask("May either party end the lease?"));
  EXPECT_EQ(yes.verdict, Verdict::kYes);
  EXPECT_TRUE(yes.text.starts_with("Yes. Either party may end the lease")) << yes.text;
  ExpectSoundCitations(yes);

  // The model says yes; the text has a condition, so the answer says neither.
  generator_.script = {
      "Yes, the tenant may not keep dogs in the apartment without written consent of the "
      "landlord."};
  ASSERT_OK_AND_ASSIGN(const Answer open, Ask("May the tenant keep dogs in the apartment?"));
  EXPECT_EQ(open.verdict, Verdict::kNone);
  EXPECT_TRUE(open.text.starts_with("The tenant may not keep dogs")) << open.text;
  ExpectSoundCitations(open);

  retriever_.passages.clear();
  retriever_.Add("rules.txt", "House rules", "Tenants must not smoke in the cellar of the house.",
                 0.6, 8);
  generator_.script = {"Yes, tenants smoke in the cellar of the house."};
  ASSERT_OK_AND_ASSIGN(const Answer no, Ask("May tenants smoke in the cellar of the house?"));
  EXPECT_EQ(no.verdict, Verdict::kNo);
  EXPECT_TRUE(no.text.starts_with("No. Tenants must not smoke")) << no.text;
  ExpectSoundCitations(no);
}

TEST_F(AnswerServiceTest, AListIsQuotedItemByItemEachWithItsFootnote) {
  retriever_.passages.clear();
  retriever_.Add("lease.txt", "Lease agreement",
                 "The tenant bears these costs of the flat:\n- the water that is used;\n- the "
                 "heating of the flat;\n- the waste collection.\n\nThe lease ends in May.",
                 0.6, 8);
  generator_.script = {"Cheese is yellow on Mars."};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Ask("What are the costs of the flat that the tenant bears?"));
  ASSERT_FALSE(answer.abstained);
  ExpectSoundCitations(answer);
  for (const char* item : {"- the water", "- the heating", "- the waste"}) {
    EXPECT_NE(answer.text.find(item), std::string::npos) << answer.text;
  }
  EXPECT_NE(answer.text.find("\n- the waste"), std::string::npos) << "each on its own line";
  EXPECT_EQ(answer.text.find("ends in May"), std::string::npos) << answer.text;
}

TEST_F(AnswerServiceTest, AComparisonLooksForBothThingsAndCitesBoth) {
  retriever_.passages.clear();
  retriever_.Add("deposit.txt", "Deposit",
                 "A deposit is money that the tenant hands to the landlord.", 0.6, 8);
  retriever_.Add("guarantee.txt", "Bank guarantee",
                 "A bank guarantee is a promise of a bank to pay the landlord.", 0.6, 8);
  generator_.script = {"A deposit is money that the tenant hands to the landlord."};
  ASSERT_OK_AND_ASSIGN(const Answer both,
                       Ask("What is the difference between a deposit and a bank guarantee?"));
  EXPECT_EQ(
      retriever_.queries,
      (std::vector<std::string>{"What is the difference between a deposit and a bank guarantee?",
                                "deposit", "bank guarantee"}));
  ASSERT_FALSE(both.abstained);
  EXPECT_NE(both.text.find("promise of a bank"), std::string::npos) << both.text;
  EXPECT_EQ(both.citations.size(), 2u);
  EXPECT_TRUE(both.notes.empty());
  ExpectSoundCitations(both);

  retriever_.passages.pop_back();
  generator_.script = {"A deposit is money that the tenant hands to the landlord."};
  ASSERT_OK_AND_ASSIGN(const Answer one,
                       Ask("What is the difference between a deposit and a bank guarantee?"));
  if (one.abstained) {
    EXPECT_TRUE(one.notes.empty());
  } else {
    ASSERT_EQ(one.notes.size(), 1u);
    EXPECT_EQ(one.notes[0], "The documents say nothing about \"bank guarantee\".");
  }
}

TEST_F(AnswerServiceTest, DocumentsThatDifferAreBothShown) {
  retriever_.passages.clear();
  retriever_.Add("old.txt", "Lease of 2019", "The notice period of the lease is three months.", 0.6,
                 8);
  retriever_.Add("new.txt", "Lease of 2024", "The notice period of the lease is six months.", 0.6,
                 8);
  generator_.script = {"The notice period of the lease is three months."};
  ASSERT_OK_AND_ASSIGN(const Answer answer, Ask("What is the notice period of the lease?"));
  ASSERT_FALSE(answer.abstained);
  ExpectSoundCitations(answer);
  EXPECT_NE(answer.text.find("three months"), std::string::npos) << answer.text;
  EXPECT_NE(answer.text.find("six months"), std::string::npos) << answer.text;
  ASSERT_EQ(answer.conflicts.size(), 1u);
  EXPECT_EQ(answer.conflicts[0].citations, (std::vector<int>{1, 2}));
  EXPECT_EQ(answer.conflicts[0].kind, "number");
  ASSERT_EQ(answer.notes.size(), 1u);
  EXPECT_NE(answer.notes[0].find("[1] and [2]"), std::string::npos) << answer.notes[0];
}

TEST_F(AnswerServiceTest, APlaceThatTheConversationCitedKeepsItsNumber) {
  const std::string question = "When does the tenant pay the rent of the apartment?";
  const std::string sentence =
      "The tenant shall pay the rent of 950 EUR on the first working day of each month.";
  generator_.script = {sentence};
  ASSERT_OK_AND_ASSIGN(const Answer first, Ask(question));
  ASSERT_EQ(first.citations.size(), 1u);
  Citation other = first.citations[0];
  other.number = 1;
  other.document_id = "elsewhere.txt";
  Citation known = first.citations[0];
  known.number = 5;
  history_ = {{"user", "What is due?"}, {"assistant", "Rent."}};
  history_[1].citations = {other, known};
  generator_.script = {sentence +
                       " Either party may end the lease with a notice period of three "
                       "months."};
  ASSERT_OK_AND_ASSIGN(const Answer again, Ask(question));
  ASSERT_FALSE(again.abstained);
  ASSERT_FALSE(again.citations.empty());
  for (const Citation& citation : again.citations) {
    if (citation.span == known.span) {
      EXPECT_EQ(citation.number, 5);
    } else {
      EXPECT_GE(citation.number, 6) << "new numbers begin above those of the conversation";
    }
  }
  EXPECT_EQ(again.citations[0].number, 5);
  EXPECT_EQ(again.sentences[0].citations, std::vector<int>{5});
  // Another version of the document is another place.
  history_[1].citations[1].version = "older";
  generator_.script = {sentence};
  ASSERT_OK_AND_ASSIGN(const Answer changed, Ask(question));
  EXPECT_EQ(changed.citations[0].number, 6);
  history_[1].citations[1].number = 0;
  EXPECT_STATUS(Ask(question), kInvalidArgument, "number 0");
}

retriever::Document DocumentOf(const char* id, const char* title, const char* text) {
  retriever::Document document;
  document.id = id;
  document.version = "v";
  document.title = title;
  document.text = text;
  return document;
}

TEST_F(AnswerServiceTest, ASummaryIsVerifiedSentenceBySentence) {
  generator_.script = {
      "The tenant shall pay the rent of 950 EUR on the first working day of each month. "
      "The tenant may keep dogs in the apartment."};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Summarize({DocumentOf("lease.txt", "Lease agreement", kLease)}));
  ASSERT_FALSE(answer.abstained);
  ExpectSoundCitations(answer);
  EXPECT_EQ(answer.sentences[0].origin, SentenceOrigin::kGenerated);
  EXPECT_NE(answer.text.find("950 EUR"), std::string::npos);
  for (const std::string& text : listener_.heard) {
    EXPECT_EQ(text.find("tenant may keep dogs"), std::string::npos) << text;
  }
  EXPECT_GE(answer.sentences.size(), 3u) << "what the model left open is quoted";
  EXPECT_EQ(answer.answerability, 1);
  EXPECT_EQ(answer.record.generation, 7u);
  EXPECT_TRUE(retriever_.queries.empty()) << "a summary asks for nothing";
}

TEST_F(AnswerServiceTest, ASummaryOfTwoDocumentsCitesBoth) {
  generator_.script = {"Nothing of this is said on Mars.", "Nor is this said on Venus."};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Summarize({DocumentOf("lease.txt", "Lease agreement", kLease),
                                  DocumentOf("house-rules.txt", "House rules", kGarden)}));
  ASSERT_FALSE(answer.abstained);
  ExpectSoundCitations(answer);
  EXPECT_EQ(answer.text.find("Mars"), std::string::npos);
  for (const char* id : {"lease.txt", "house-rules.txt"}) {
    EXPECT_TRUE(std::any_of(answer.citations.begin(), answer.citations.end(),
                            [&](const Citation& citation) { return citation.document_id == id; }))
        << id;
  }
  for (const AnswerSentence& sentence : answer.sentences) {
    EXPECT_EQ(sentence.origin, SentenceOrigin::kQuoted);
  }
}

TEST_F(AnswerServiceTest, ASummaryDoesNotSayOfOneDocumentWhatAnotherSays) {
  const char* const kPump =
      "The pump manual orders that the green pump is inspected every week by the mechanic of the "
      "plant.";
  const char* const kCrane =
      "The crane manual orders that the yellow crane is painted in spring by the painter of the "
      "harbour.";
  // Each word stands in one of the two.
  const std::string mixed =
      "The green pump is inspected every week by the mechanic and painted in spring by the painter "
      "of the harbour.";
  generator_.script = {mixed};
  ASSERT_OK_AND_ASSIGN(const Answer answer,
                       Summarize({DocumentOf("pump.txt", "Pump manual", kPump),
                                  DocumentOf("crane.txt", "Crane manual", kCrane)}));
  for (const std::string& text : listener_.heard) EXPECT_NE(text, mixed);
  EXPECT_EQ(answer.text.find("mechanic and painted"), std::string::npos) << answer.text;
  EXPECT_EQ(answer.citations.size(), 2u);
}

TEST_F(AnswerServiceTest, AnEmptyDocumentHasNoSummary) {
  ASSERT_OK_AND_ASSIGN(const Answer answer, Summarize({DocumentOf("empty.txt", "Nothing", " \n")}));
  EXPECT_TRUE(answer.abstained);
  EXPECT_EQ(answer.reason, AbstainReason::kNoRelevantContent);
  EXPECT_TRUE(generator_.requests.empty());
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
