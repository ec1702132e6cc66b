// Which span a person would quote: cases by kind of question, and what the fitted weights may not
// do. All text is our own.
#include <gtest/gtest.h>

#include <set>

#include "generator/grounding.h"
#include "generator/grounding/quotation_model.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

using grounding::kQuotationFeatureCount;
using grounding::kQuotationFeatureNames;
using grounding::QuotationFeatures;

Passage MakePassage(const char* id, const char* title, uint64_t start, std::string text,
                    double relevance) {
  Passage passage;
  passage.document_id = id;
  passage.title = title;
  passage.span = {start, start + text.size()};
  passage.text = std::move(text);
  passage.dense_score = relevance;
  passage.sentence_score = relevance;
  passage.lexical_score = 10 * relevance;
  return passage;
}

std::vector<Passage> Passages() {
  return {
      MakePassage("lease.txt", "Lease of the mill", 0,
                  "Lease of the mill at Brookside. "
                  "This lease was signed by Maria Olsen on 4 March 2019. "
                  "The tenant shall pay a rent of 1,950 EUR on the first day of each month. "
                  "The rent may be reviewed. "
                  "The tenant may keep two dogs in the yard. "
                  "What happens to the deposit? "
                  "The landlord shall return the deposit of 4,000 EUR within 60 days of the end.",
                  0.6),
      MakePassage("pumps.txt", "Pumps", 9000,
                  "A centrifugal pump is a machine that moves water by a turning wheel. "
                  "Centrifugal pumps are common in mills. "
                  "A centrifugal pump must be primed before it is started. "
                  "To prime it, close the outlet and fill the housing through the upper valve.",
                  0.5),
      MakePassage("glossary-7", "Tailrace", 0,
                  "The channel that carries water away from a wheel. Often lined with stone.", 0.5),
  };
}

std::string QuoteOf(const std::vector<Passage>& passages, const Support& support) {
  const Passage& passage = passages[static_cast<size_t>(support.passage)];
  return passage.text.substr(support.span.start - passage.span.start, support.span.size());
}

TEST(Quotation, WhatAPersonWouldQuoteComesFirst) {
  struct Case {
    const char* kind;
    const char* question;
    const char* quote;
  };
  const std::vector<Passage> passages = Passages();
  const testing::FakeEmbedder embedder;
  for (const Case& c : {
           Case{"amount", "How much rent does the tenant pay?", "1,950 EUR"},
           Case{"date", "When was the lease signed?", "4 March 2019"},
           Case{"person", "Who signed the lease?", "Maria Olsen"},
           Case{"permission", "May the tenant keep dogs?", "two dogs"},
           Case{"time", "Within how many days shall the landlord return the deposit?", "60 days"},
           Case{"definition", "What is a centrifugal pump?", "is a machine"},
           Case{"entry", "What is a tailrace?", "The channel that carries water"},
           Case{"obligation", "What must be done before a centrifugal pump is started?",
                "must be primed"},
           Case{"way", "How is the housing of the pump filled?", "through the upper valve"},
       }) {
    for (const bool with_embedder : {true, false}) {
      ASSERT_OK_AND_ASSIGN(
          const SupportScorer scorer,
          SupportScorer::Create(with_embedder ? &embedder : nullptr, passages, {}));
      ASSERT_OK_AND_ASSIGN(const std::vector<Support> quotations,
                           scorer.BestQuotations(c.question, 3, {}));
      ASSERT_FALSE(quotations.empty()) << c.kind;
      EXPECT_NE(QuoteOf(passages, quotations[0]).find(c.quote), std::string::npos)
          << c.kind << (with_embedder ? "" : ", by words alone")
          << "\nquoted: " << QuoteOf(passages, quotations[0]);
      for (size_t i = 0; i < quotations.size(); ++i) {
        EXPECT_GT(quotations[i].score, 0);
        EXPECT_LT(quotations[i].score, 1);
        EXPECT_LE(quotations[i].span.size(), 400u);
        EXPECT_LE(quotations[i].score, quotations[0].score);
      }
    }
  }
}

// The enumerators are made of the weights' file, so a line too few does not compile; one that
// nothing sets would be a weight without effect.
TEST(Quotation, EveryFeatureOfTheFileIsSetAndIsAShare) {
  const std::vector<Passage> passages = Passages();
  const testing::FakeEmbedder embedder;
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer, SupportScorer::Create(&embedder, passages, {}));
  std::set<std::string_view> seen;
  for (const char* question :
       {"How much rent must the tenant pay?", "When was the lease of the mill signed?",
        "Who signed the lease?", "What is a centrifugal pump?", "What is a tailrace?",
        "What happens to pumps?"}) {
    ASSERT_OK_AND_ASSIGN(const std::vector<QuotationCandidate> candidates,
                         scorer.QuotationCandidates(question, 100, {}));
    for (const QuotationCandidate& candidate : candidates) {
      ASSERT_EQ(candidate.features.size(), kQuotationFeatureCount);
      for (const auto& [name, value] : candidate.features) {
        EXPECT_GE(value, 0) << name;
        EXPECT_LE(value, 1) << name;
        if (value > 0) seen.insert(name);
      }
    }
  }
  for (const std::string_view name : kQuotationFeatureNames) {
    EXPECT_TRUE(seen.contains(name)) << name << " is in quotation_weights.def, but nothing sets it";
  }
}

TEST(Quotation, WeightsHaveTheSignOfWhatTheyWeigh) {
  const std::set<std::string_view> flaws = {"fragment", "place"};
  const std::set<std::string_view> either = {"pair", "opens_passage", "front", "modal"};
  for (const bool with_embedder : {true, false}) {
    const double nothing = grounding::RelevanceOf(QuotationFeatures(), with_embedder);
    EXPECT_GT(nothing, 0);
    EXPECT_LT(nothing, ThresholdsFor(RiskSetting::kOpen).quotation_relevance)
        << "a span without anything in common with the question would be quoted";
    for (size_t i = 0; i < kQuotationFeatureCount; ++i) {
      if (either.contains(kQuotationFeatureNames[i])) continue;
      QuotationFeatures features;
      features.values[i] = 1;
      const double score = grounding::RelevanceOf(features, with_embedder);
      if (flaws.contains(kQuotationFeatureNames[i])) {
        EXPECT_LE(score, nothing) << kQuotationFeatureNames[i];
      } else {
        EXPECT_GE(score, nothing) << kQuotationFeatureNames[i];
      }
    }
  }
}

TEST(Quotation, WhatStandsOutIsSurer) {
  for (const bool with_embedder : {true, false}) {
    const auto first = [&](std::vector<double> relevance) {
      return grounding::ConfidenceIn(relevance, with_embedder)[0];
    };
    const double among_equals = first({0.3, 0.3, 0.3, 0.3, 0.3, 0.3});
    const double ahead = first({0.3, 0.2, 0.2, 0.2, 0.2, 0.2});
    EXPECT_LT(among_equals, ThresholdsFor(RiskSetting::kOpen).quotation_confidence);
    EXPECT_GT(ahead, ThresholdsFor(RiskSetting::kBalanced).quotation_confidence);
    EXPECT_GT(first({0.3, 0.15, 0.15, 0.15, 0.15, 0.15}), ahead);
    // Of two that are ahead of the others, each is less sure than one would be.
    const std::vector<double> two =
        grounding::ConfidenceIn(std::vector{0.3, 0.29, 0.15, 0.15, 0.15, 0.15}, with_embedder);
    EXPECT_LT(two[0], first({0.3, 0.15, 0.15, 0.15, 0.15, 0.15}));
    for (size_t i = 1; i < two.size(); ++i) EXPECT_LE(two[i], two[i - 1]) << i;
    // Alone it has no rivals, and is as sure as among those that say nothing of it.
    const double nothing = grounding::RelevanceOf(QuotationFeatures(), with_embedder);
    EXPECT_DOUBLE_EQ(first({0.3}), first({0.3, nothing, nothing, nothing, nothing, nothing}));
    for (const std::vector<double>& odd :
         {std::vector<double>{}, {0.0}, {1.0}, {1.0, 1.0}, {1e-300, 0.0}}) {
      for (const double confidence : grounding::ConfidenceIn(odd, with_embedder)) {
        EXPECT_GE(confidence, 0);
        EXPECT_LE(confidence, 1);
      }
    }
  }
}

TEST(Quotation, AtMostSoManyCandidatesAreEmbedded) {
  const std::vector<Passage> passages = Passages();
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer, SupportScorer::Create(nullptr, passages, {}));
  ASSERT_OK_AND_ASSIGN(const std::vector<QuotationCandidate> few,
                       scorer.QuotationCandidates("How much rent does the tenant pay?", 1, {}));
  // That one, and the first sentences of the best passage.
  EXPECT_LE(few.size(), 7u);
  EXPECT_GE(few.size(), 2u);
  ASSERT_OK_AND_ASSIGN(const std::vector<QuotationCandidate> none,
                       scorer.QuotationCandidates("", 10, {}));
  for (const QuotationCandidate& candidate : none) {
    EXPECT_LT(candidate.score, ThresholdsFor(RiskSetting::kBalanced).quotation_relevance);
  }
}

// A sentence that only stands beside the answer is not quoted along with it; one that goes on is.
TEST(Quotation, ANeighbourWithoutAWordInCommonStaysOut) {
  const auto quotes_of = [](const std::string& text) {
    const std::vector<Passage> passages = {MakePassage("boiler.txt", "Boiler", 30, text, 0.6)};
    auto scorer = SupportScorer::Create(nullptr, passages, {});
    EXPECT_OK(scorer);
    auto best = scorer->BestQuotations("At what pressure does the boiler run?", 3, {});
    EXPECT_OK(best);
    std::string all;
    for (const Support& support : *best) all += "[" + QuoteOf(passages, support) + "]";
    return all;
  };
  EXPECT_EQ(quotes_of("The boiler runs at a pressure of 3 bar. Bicycles stand behind the gate."),
            "[The boiler runs at a pressure of 3 bar.]");
  EXPECT_EQ(quotes_of("Bicycles stand behind the gate. The boiler runs at a pressure of 3 bar."),
            "[The boiler runs at a pressure of 3 bar.]");
  // It has a word of the other, a word of the question, or points back.
  for (const char* next :
       {"More than 3.5 bar opens a valve.", "A boiler has a valve.", "It is bled twice a year."}) {
    const std::string text = std::string("The boiler runs at a pressure of 3 bar. ") + next;
    EXPECT_EQ(quotes_of(text), "[" + text + "]");
  }
}

// Of two sentences, which one the place was chosen for.
TEST(Quotation, TheCoreIsTheSentenceThatAnswers) {
  for (const char* text :
       {"The boiler runs at a pressure of 3 bar. It is bled twice a year.",
        "The boiler is bled twice a year. The boiler runs at a pressure of 3 bar."}) {
    const std::vector<Passage> passages = {MakePassage("boiler.txt", "Boiler", 30, text, 0.6)};
    ASSERT_OK_AND_ASSIGN(const auto scorer, SupportScorer::Create(nullptr, passages, {}));
    ASSERT_OK_AND_ASSIGN(const auto best,
                         scorer.BestQuotations("At what pressure does the boiler run?", 3, {}));
    ASSERT_EQ(best.size(), 1U);
    EXPECT_EQ(QuoteOf(passages, best[0]), text);
    Support core = best[0];
    core.span = best[0].core;
    EXPECT_NE(QuoteOf(passages, core).find("at a pressure of 3 bar."), std::string::npos);
    EXPECT_EQ(QuoteOf(passages, core).find("bled"), std::string::npos);
  }
}

}  // namespace
}  // namespace footnote::generator
