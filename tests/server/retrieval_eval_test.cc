#include "server/eval/retrieval_eval.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/eval/sample.h"
#include "tests/testing/status_matchers.h"

namespace footnote::server {
namespace {

using ::testing::ElementsAre;

Passage Of(const std::string& document, double score) {
  Passage passage;
  passage.document_id = document;
  passage.score = score;
  return passage;
}

std::vector<std::string> Ids(const std::vector<RankedDocument>& ranking) {
  std::vector<std::string> ids;
  for (const RankedDocument& document : ranking) ids.push_back(document.id);
  return ids;
}

// Finds "a" before "b", except with words alone; keeps what it was asked.
class FakeBackend : public retriever::RetrievalBackend {
 public:
  StatusOr<retriever::RetrievalResult> Retrieve(const retriever::RetrievalRequest& request,
                                                const CallContext&) override {
    asked.push_back(request.query);
    retriever::RetrievalResult result;
    const bool lexical = request.fusion == retriever::FusionKind::kLexicalOnly;
    result.passages = {Of(lexical ? "b" : "a", 2), Of(lexical ? "a" : "b", 1)};
    // Then no longer in the order of their scores.
    if (request.diversity > 0) std::swap(result.passages[0].score, result.passages[1].score);
    return result;
  }
  std::vector<std::string> asked;
};

EvalSet SetOfTwo() {
  EvalSet set;
  set.queries = {
      {.id = "q1",
       .text = "And what does it cost?",
       .history = {{"user", "Tell me about the infusion pump P-200"}, {"assistant", "It pumps."}},
       .scope_document_id = ""},
      {.id = "unjudged", .text = "rent", .history = {}, .scope_document_id = ""}};
  set.relevance = {{"q1", {{"a", 1}}}};
  return set;
}

TEST(RetrievalEval, ADocumentRanksWhereItsBestPassageDoes) {
  const std::vector<Passage> passages = {Of("a", 5), Of("b", 4), Of("a", 3), Of("c", 2)};
  EXPECT_THAT(Ids(RankDocuments(passages, 10)), ElementsAre("a", "b", "c"));
  EXPECT_THAT(Ids(RankDocuments(passages, 2)), ElementsAre("a", "b"));
  EXPECT_EQ(RankDocuments(passages, 1)[0].score, 5);
}

TEST(RetrievalEval, EverySettingIsAskedAndTheFirstOnesRankingsAreGiven) {
  FakeBackend backend;
  const EvalSet set = SetOfTwo();
  std::vector<std::string> first;
  ASSERT_OK_AND_ASSIGN(
      const auto figures,
      EvaluateRetrieval(
          backend, set, RetrievalSample(set, 0), {},
          {{"", {}},
           {"dense", [](auto& request) { request.fusion = retriever::FusionKind::kLexicalOnly; }}},
          [&](const EvalQuery& query, const auto& ranking, size_t) {
            first.push_back(query.id + ":" + ranking[0].id);
          },
          {}));
  EXPECT_THAT(first, ElementsAre("q1:a", "unjudged:a"));
  ASSERT_EQ(figures.size(), 2);
  EXPECT_THAT(figures[0].query_ids, ElementsAre("q1"));
  EXPECT_THAT(figures[0].mrr_10, ElementsAre(1));
  EXPECT_THAT(figures[1].mrr_10, ElementsAre(0.5));
  EXPECT_EQ(figures[0].times_ms.size(), 2) << "unjudged questions take time, too";
}

TEST(RetrievalEval, RankingsOfADiverseListHaveScoresThatFall) {
  FakeBackend backend;
  const EvalSet set = SetOfTwo();
  std::vector<RankedDocument> first;
  ASSERT_OK_AND_ASSIGN(
      const auto figures,
      EvaluateRetrieval(backend, set, RetrievalSample(set, 1), {.diversity = 0.5}, {{"", {}}},
                        [&](const EvalQuery&, const auto& ranking, size_t) { first = ranking; },
                        {}));
  EXPECT_THAT(Ids(first), ElementsAre("a", "b"));
  EXPECT_GT(first[0].score, first[1].score);
  EXPECT_THAT(figures[0].documents_10, ElementsAre(2));
  EXPECT_THAT(figures[0].mrr_10, ElementsAre(1));
}

TEST(RetrievalEval, TheConversationIsPartOfTheQuestionUnlessLeftOut) {
  const EvalSet set = SetOfTwo();
  EXPECT_EQ(RequestFor(set.queries[0], {}).history.size(), set.queries[0].history.size());
  EXPECT_FALSE(set.queries[0].history.empty());
  const retriever::RetrievalRequest last =
      RequestFor(set.queries[0], {.depth = 10, .last_turn_only = true});
  EXPECT_EQ(last.query, "And what does it cost?");
  EXPECT_TRUE(last.history.empty());
}

TEST(RetrievalEval, ARunIsComparedOnTheQuestionsItHolds) {
  const EvalSet set = SetOfTwo();
  RetrievalFigures figures;
  figures.query_ids = {"q1"};
  figures.ndcg_10 = {1};
  const SharedQuestions shared = ShareQuestions(set, figures, {{"q1", {"b", "c"}}});
  EXPECT_THAT(shared.ours, ElementsAre(1));
  EXPECT_THAT(shared.theirs, ElementsAre(0));
  EXPECT_TRUE(ShareQuestions(set, figures, {{"q9", {"a"}}}).ours.empty());
}

}  // namespace
}  // namespace footnote::server
