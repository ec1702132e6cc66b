// Does a passage say what a sentence says? Hand-written cases in the three domains; all text is our
// own.
#include <gtest/gtest.h>

#include "common/text/utf8.h"
#include "generator/grounding.h"
#include "generator/grounding/evidence.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"

namespace footnote::generator {
namespace {

constexpr uint64_t kPassageStart = 1000;  // of each passage in its document

constexpr char kLicence[] =
    "The Licensor grants the Licensee a non-exclusive, worldwide licence to use the Software. "
    "The Licensee shall pay a fee of $1,500 within 30 days after receipt of the invoice. "
    "The Licensee may make two backup copies. "
    "Either party may terminate this Agreement by written notice of three months. "
    "The Licensee must not rent or lease the Software to third parties without prior written "
    "consent. In no event is the Licensor liable for indirect damages. "
    "This Agreement was signed on 12 May 2020 and is governed by the laws of Denmark.";
constexpr char kSyndrome[] =
    "Marfan syndrome is a disorder of the connective tissue caused by mutations of the FBN1 gene. "
    "About 75 % of the patients inherit it from a parent. "
    "Arachnodactyly (HP:0001166) is found in many patients. "
    "Beta blockers reduce the growth of the aortic root, but they do not prevent dissection. "
    "Adults take 5 mg twice a day. "
    "Echocardiography is repeated every 12 months.";
constexpr char kManual[] =
    "The open() call opens the file specified by pathname. "
    "If O_CREAT is not given and the file does not exist, open() fails with ENOENT. "
    "With O_CLOEXEC the descriptor is closed when a new program is executed. "
    "The return value is a file descriptor, a small, nonnegative integer. "
    "A pipe has a capacity of 65,536 bytes. "
    "SIGKILL and SIGSTOP cannot be caught, blocked or ignored.";

class SupportTest : public ::testing::Test {
 protected:
  SupportTest() {
    Add("licence.txt", "Software licence", kLicence);
    Add("marfan.txt", "Marfan syndrome", kSyndrome);
    Add("open.2", "open(2)", kManual);
  }

  void Add(const char* id, const char* title, std::string text) {
    Passage passage;
    passage.document_id = id;
    passage.title = title;
    passage.span = {kPassageStart, kPassageStart + text.size()};
    passage.text = std::move(text);
    passages_.push_back(std::move(passage));
  }

  Support Best(std::string_view sentence, bool with_embedder = true) {
    auto scorer = SupportScorer::Create(with_embedder ? &embedder_ : nullptr, passages_, {});
    EXPECT_OK(scorer);
    auto supports = scorer->Score(sentence, 3, {});
    EXPECT_OK(supports);
    return supports->empty() ? Support() : supports->front();
  }

  std::string Quote(const Support& support) const {
    if (support.passage < 0) return "";
    return passages_[static_cast<size_t>(support.passage)].text.substr(
        support.span.start - kPassageStart, support.span.size());
  }

  void ExpectSupported(std::string_view sentence, std::string_view by) {
    for (bool with_embedder : {true, false}) {
      const Support support = Best(sentence, with_embedder);
      // By words alone, another wording may reach no more than the open setting asks for.
      EXPECT_GE(support.score,
                with_embedder ? Threshold() : ThresholdsFor(RiskSetting::kOpen).sentence_support)
          << sentence << "\nalignment " << support.alignment << " similarity " << support.similarity
          << " numbers " << support.numbers_match << " names " << support.names_match
          << " negation " << support.negation_match;
      EXPECT_NE(Quote(support).find(by), std::string::npos)
          << sentence << "\nquoted: " << Quote(support);
    }
  }

  void ExpectUnsupported(std::string_view sentence) {
    for (bool with_embedder : {true, false}) {
      const Support support = Best(sentence, with_embedder);
      EXPECT_LT(support.score, Threshold()) << sentence << "\nquoted: " << Quote(support);
    }
  }

  static double Threshold() { return ThresholdsFor(RiskSetting::kBalanced).sentence_support; }

  std::vector<Passage> passages_;
  testing::FakeEmbedder embedder_;
};

TEST_F(SupportTest, VerbatimSentencesAreSupportedByThemselves) {
  ExpectSupported("The Licensee may make two backup copies.", "two backup copies");
  ExpectSupported("A pipe has a capacity of 65,536 bytes.", "65,536");
  ExpectSupported("About 75 % of the patients inherit it from a parent.", "75 %");
}

TEST_F(SupportTest, ParaphrasesAreSupported) {
  ExpectSupported(
      "A fee of 1500 dollars must be paid by the Licensee within thirty days of receipt "
      "of the invoice.",
      "$1,500");
  ExpectSupported("Each party may terminate the agreement with three months' written notice.",
                  "terminate this Agreement");
  ExpectSupported("Mutations of the gene FBN1 cause Marfan syndrome.", "FBN1");
  ExpectSupported("Adult patients take 5 mg twice a day.", "5 mg");
  ExpectSupported("When a new program is executed, a descriptor opened with O_CLOEXEC is closed.",
                  "O_CLOEXEC");
  ExpectSupported("open(2) fails with ENOENT if the file does not exist and O_CREAT is not given.",
                  "ENOENT");
  ExpectSupported("The agreement was signed on May 12, 2020.", "12 May 2020");
}

TEST_F(SupportTest, ForeignAndAddedWordsAreCounted) {
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer, SupportScorer::Create(nullptr, passages_, {}));
  const auto wording = [&](std::string_view sentence) {
    return scorer.ReadWording(sentence, "What is the capacity of a pipe in bytes?", "");
  };
  EXPECT_EQ(wording("A pipe has a capacity of 65,536 bytes.").foreign_words, 0);
  EXPECT_EQ(wording("A pipe has a capacity of 65,536 bytes.").added_words, 1);
  EXPECT_EQ(wording("The capacity of a pipe is in bytes.").added_words, 0);
  // Forms of the passages' words, and the question's own.
  EXPECT_EQ(wording("Returning a value, opened files have a capacity.").foreign_words, 0);
  const Wording foreign = wording("A pipe is a popular destination for anglers in bytes.");
  EXPECT_EQ(foreign.foreign_words, 3);
  EXPECT_GE(foreign.added_words, 3);
  EXPECT_TRUE(wording("The capacities of pipes are:").leads_in);
  EXPECT_TRUE(wording("**The capacities of pipes are:**\n").leads_in);
  EXPECT_FALSE(wording("The capacity: 65,536 bytes.").leads_in);
  EXPECT_EQ(wording("").added_words, 0);
}

// "The tenant pays the landlord" has the words of its reverse.
TEST_F(SupportTest, WhoDoesWhatToWhomIsReadFromTheOrder) {
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer, SupportScorer::Create(nullptr, passages_, {}));
  constexpr std::string_view kSource =
      "Before the harvest the tenant pays the landlord a rent of 40 crowns, and the landlord keeps "
      "the granary in repair.";
  const auto added = [&](std::string_view sentence, std::string_view question = "Who pays?") {
    return scorer.ReadWording(sentence, question, kSource).added;
  };
  EXPECT_EQ(added("The tenant pays the landlord a rent.").share, 1);
  EXPECT_EQ(added("The tenant pays the landlord a rent.").misplaced, 0);
  EXPECT_EQ(added("The landlord pays the tenant a rent of 40 crowns.").share, 4.0 / 5);
  EXPECT_EQ(added("The landlord pays the tenant a rent of 40 crowns.").misplaced, 1);
  // What the source has not is not misplaced.
  EXPECT_EQ(added("The tenant gladly pays the landlord a rent.").share, 3.0 / 4);
  EXPECT_EQ(added("The tenant gladly pays the landlord a rent.").misplaced, 0);
  // What the question has may stand anywhere, as often as there; said once more, it is said anew.
  EXPECT_EQ(
      added("A rent of 40 crowns is what the tenant pays the landlord.", "What rent of 40 crowns?")
          .share,
      1);
  EXPECT_EQ(added("Repair is kept in repair for the tenant.", "What about repair?").misplaced, 1);
  EXPECT_EQ(added("Who pays?").share, 1) << "nothing is said";

  const auto whole = [&](std::string_view sentence) {
    return scorer.ReadWording(sentence, sentence, kSource).whole;
  };
  EXPECT_EQ(whole("The tenant pays the landlord.").share, 1);
  EXPECT_EQ(whole("The landlord pays the tenant.").misplaced, 2);
}

TEST_F(SupportTest, ANeighbouringSentenceDoesNotRescueAContradiction) {
  Add("remote.txt", "Remote control",
      "Below these two buttons is the round dial for the volume. Three buttons stand on its left. "
      "None of the lamps is lit. It is argued that the lamps waste the battery. "
      "Old batteries can leak in the drawer. New batteries must be charged before use.");
  ExpectSupported("Below these two buttons is the round dial for the volume.", "two buttons");
  ExpectUnsupported("Below these three buttons is the round dial for the volume.");
  ExpectUnsupported("It is not argued that the lamps waste the battery.");
  ExpectUnsupported("Old batteries must leak in the drawer.");
}

TEST_F(SupportTest, ANumberThatCountsOtherThingsIsNotSaidElsewhere) {
  Add("board.txt", "Board",
      "The founder handed the company to the directors Ada Berg and Carl Dahl. "
      "The shares fell by three cents on the next morning.");
  const Support wrong = Best("The company has three directors, Ada Berg and Carl Dahl.");
  ASSERT_FALSE(wrong.problems.empty());
  EXPECT_FALSE(wrong.problems.front().elsewhere);
  // What the number counts stands beside it in another sentence: not a contradiction.
  const Support other = Best("The shares of Ada Berg and Carl Dahl's company fell by three cents.");
  for (const SupportProblem& problem : other.problems) EXPECT_TRUE(problem.elsewhere);
}

TEST_F(SupportTest, OneContradictedSentenceSpoilsATextOfTwo) {
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer,
                       SupportScorer::Create(&embedder_, passages_, {}));
  constexpr char kRight[] = "The Licensee may make two backup copies. A pipe has a capacity of ";
  ASSERT_OK_AND_ASSIGN(const TextSupport right,
                       scorer.ScoreText(std::string(kRight) + "65,536 bytes.", 1, {}));
  ASSERT_OK_AND_ASSIGN(const TextSupport wrong,
                       scorer.ScoreText(std::string(kRight) + "65,537 bytes.", 1, {}));
  EXPECT_GT(right.score, 0.9);
  EXPECT_LT(wrong.score, 0.25);
}

TEST_F(SupportTest, AChangedNumberIsNotSupported) {
  ExpectUnsupported(
      "The Licensee shall pay a fee of $1,600 within 30 days after receipt of the "
      "invoice.");
  ExpectUnsupported(
      "The Licensee shall pay a fee of $1,500 within 60 days after receipt of the "
      "invoice.");
  ExpectUnsupported("The Licensee may make three backup copies.");
  ExpectUnsupported("About 57 % of the patients inherit it from a parent.");
  ExpectUnsupported("A pipe has a capacity of 65,636 bytes.");
  ExpectUnsupported("Echocardiography is repeated every twelve weeks.");
  ExpectUnsupported(
      "This Agreement was signed on 12 May 2021 and is governed by the laws of Denmark.");
  ExpectUnsupported("Adults take 5 g twice a day.");
}

TEST_F(SupportTest, ASwappedNameIsNotSupported) {
  ExpectUnsupported(
      "This Agreement was signed on 12 May 2020 and is governed by the laws of Norway.");
  ExpectUnsupported(
      "Marfan syndrome is a disorder of the connective tissue caused by mutations of "
      "the TGFBR2 gene.");
  ExpectUnsupported("Arachnodactyly (HP:0001177) is found in many patients.");
  ExpectUnsupported(
      "If O_EXCL is not given and the file does not exist, open() fails with ENOENT.");
  ExpectUnsupported(
      "If O_CREAT is not given and the file does not exist, open() fails with EACCES.");
}

TEST_F(SupportTest, ADroppedOrAddedNotIsNotSupported) {
  ExpectUnsupported(
      "The Licensee may rent or lease the Software to third parties without prior "
      "written consent.");
  ExpectUnsupported("SIGKILL and SIGSTOP can be caught, blocked or ignored.");
  ExpectUnsupported("Beta blockers prevent dissection.");
  ExpectUnsupported("The Licensor is liable for indirect damages.");
  ExpectUnsupported("Adults do not take 5 mg twice a day.");
  ExpectUnsupported(
      "The Licensor grants the Licensee an exclusive, worldwide licence to use the "
      "Software.");
}

TEST_F(SupportTest, ADenialNeedsASourceThatDenies) {
  // All words but the denied ones stand in the passage, which is silent about those.
  Add("lgpl.txt", "GNU Lesser General Public License",
      "This version of the GNU Lesser General Public License incorporates the terms and conditions "
      "of version 3 of the GNU General Public License.");
  const Support support =
      Best("The GNU Lesser General Public License version 3 does not come with a warranty.");
  EXPECT_LT(support.score, 0.3);
  EXPECT_FALSE(support.negation_match);
}

TEST_F(SupportTest, ASentenceAboutTheTextIsNoAnswer) {
  for (const char* sentence :
       {"The text provides a clear explanation of Marfan syndrome, a disorder of the connective "
        "tissue.",
        "This passage describes the open() call.", "The text above is about backup copies."}) {
    EXPECT_EQ(Best(sentence).score, 0) << sentence;
  }
  EXPECT_GT(Best("Marfan syndrome is a disorder of the connective tissue.").score, 0.8);
}

TEST_F(SupportTest, TheDocumentThatTheQuestionNamesIsQuotedFirst) {
  // Both say what happens on error; the question names one of them.
  Add("dlopen.3", "dlopen(3): open a shared object",
      "On error the dlopen() call and the open of the object return NULL.");
  Add("fopen.2", "fopen(2): stream functions", "On error the fopen() call returns NULL.");
  auto scorer = SupportScorer::Create(&embedder_, passages_, {});
  ASSERT_OK(scorer);
  auto quotations = scorer->BestQuotations("What does fopen() return on error?", 3, {});
  ASSERT_OK(quotations);
  ASSERT_FALSE(quotations->empty());
  EXPECT_EQ(passages_[static_cast<size_t>(quotations->front().passage)].document_id, "fopen.2");
}

TEST_F(SupportTest, DenialInOtherWordsIsSupported) {
  ExpectSupported("The Licensor is never liable for indirect damages.", "indirect damages");
  ExpectSupported("It is not possible that SIGKILL and SIGSTOP are caught, blocked or ignored.",
                  "SIGKILL");
  ExpectSupported(
      "The Licensee may not rent or lease the Software to third parties without prior "
      "written consent.",
      "rent or lease");
}

TEST_F(SupportTest, DutyAndPermissionDiffer) {
  ExpectUnsupported(
      "The Licensee may pay a fee of $1,500 within 30 days after receipt of the "
      "invoice.");
  ExpectUnsupported("The Licensee must make two backup copies.");
  ExpectSupported("The Licensee is allowed to make two backup copies.", "two backup copies");
}

TEST_F(SupportTest, WhatNoPassageSpeaksOfIsNotSupported) {
  ExpectUnsupported("Paris is the capital of France.");
  ExpectUnsupported("The moon orbits the earth once a month.");
  ExpectUnsupported("Regular exercise improves sleep and mood in most people.");
}

TEST_F(SupportTest, ReasonsAreTold) {
  EXPECT_FALSE(Best("The Licensee may make three backup copies.").numbers_match);
  EXPECT_FALSE(Best("This Agreement is governed by the laws of Norway.").names_match);
  EXPECT_FALSE(Best("SIGKILL and SIGSTOP can be caught, blocked or ignored.").negation_match);
  EXPECT_FALSE(Best("The Licensee must make two backup copies.").negation_match);
  const Support good = Best("The Licensee may make two backup copies.");
  EXPECT_TRUE(good.numbers_match && good.names_match && good.negation_match);
  EXPECT_NEAR(good.alignment, 1.0, 1e-9);
  EXPECT_NEAR(good.similarity, 1.0, 1e-5);
}

TEST_F(SupportTest, TheSpanIsTheSupportingSentenceInItsDocument) {
  const Support support = Best("Echocardiography is repeated every 12 months.");
  EXPECT_EQ(support.passage, 1);
  const std::string sentence = "Echocardiography is repeated every 12 months.";
  const size_t offset = std::string(kSyndrome).find(sentence);
  EXPECT_EQ(support.span,
            (ByteSpan{kPassageStart + offset, kPassageStart + offset + sentence.size()}));
}

TEST_F(SupportTest, ASentenceThatSpansTwoIsSupportedByBoth) {
  const Support support = Best(
      "The Licensor grants a worldwide licence to use the Software, and the Licensee shall pay a "
      "fee "
      "of $1,500 within 30 days after receipt of the invoice.");
  EXPECT_GE(support.score, Threshold());
  EXPECT_NE(Quote(support).find("worldwide"), std::string::npos);
  EXPECT_NE(Quote(support).find("$1,500"), std::string::npos);
}

TEST_F(SupportTest, ResultsComeBestFirstOneAPassage) {
  Add("copy.txt", "Another licence",
      "The Licensee may make two backup copies. The fee is due at once.");
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer,
                       SupportScorer::Create(&embedder_, passages_, {}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Support> supports,
                       scorer.Score("The Licensee may make two backup copies.", 4, {}));
  ASSERT_GE(supports.size(), 2u);
  EXPECT_EQ(std::min(supports[0].passage, supports[1].passage), 0);
  EXPECT_EQ(std::max(supports[0].passage, supports[1].passage), 3);
  for (size_t i = 1; i < supports.size(); ++i) {
    EXPECT_LE(supports[i].score, supports[i - 1].score);
    EXPECT_GT(supports[i].score, 0);
    for (size_t j = 0; j < i; ++j) EXPECT_NE(supports[i].passage, supports[j].passage);
  }
}

TEST_F(SupportTest, QuotesStayShortAndWhole) {
  std::string contract;
  for (int i = 0; i < 40; ++i) {
    contract += "the supplier’s obligation number " + std::to_string(i) +
                " concerns größere Mengen of straße-type goods; ";
  }
  Add("long.txt", "Supply", contract + "and so on.");
  Add("wall.txt", "Wall", std::string(5000, 'x'));
  std::string wide;
  for (int i = 0; i < 900; ++i) wide += "é";
  Add("wide.txt", "Wide", wide);
  const grounding::Evidence evidence(passages_);
  for (const grounding::EvidenceSpan& span : evidence.spans()) {
    EXPECT_GT(span.text.size(), 0u);
    EXPECT_LE(span.bytes.size(), grounding::kMaxQuoteBytes);
    EXPECT_LE(span.count, 2);
    EXPECT_TRUE(IsValidUtf8(span.text)) << span.text;
    EXPECT_EQ(span.text, passages_[static_cast<size_t>(span.passage)].text.substr(
                             span.bytes.start, span.bytes.size()));
  }
  const Support support = Best("Obligation number 17 of the supplier concerns größere Mengen.");
  EXPECT_EQ(support.passage, 3);
  EXPECT_NE(Quote(support).find("number 17"), std::string::npos);
}

TEST_F(SupportTest, AnEchoedQuestionIsNoSupport) {
  EXPECT_EQ(Best("May the Licensee make two backup copies?").score, 0);
  EXPECT_EQ(Best("The licence asks: \"The Licensee may make two backup copies?\"").score, 0);
}

TEST_F(SupportTest, TheSubjectOfADefinitionMustBeThePassages) {
  Add("hp-2", "Brachydactyly", "Digits that appear disproportionately short compared to the hand.");
  ExpectUnsupported(
      "Arachnodactyly is digits that appear disproportionately short compared to the "
      "hand.");
  ExpectSupported(
      "Brachydactyly is digits that appear disproportionately short compared to the "
      "hand.",
      "Digits");
}

TEST_F(SupportTest, OddInputIsNoSupport) {
  for (std::string_view sentence : {"", " ", "?!", "the of and", "\xFF\xFE", "—"}) {
    EXPECT_EQ(Best(sentence).score, 0) << sentence;
  }
  std::vector<Passage> none;
  ASSERT_OK_AND_ASSIGN(const SupportScorer empty, SupportScorer::Create(&embedder_, none, {}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Support> supports,
                       empty.Score("A pipe has a size.", 3, {}));
  EXPECT_TRUE(supports.empty());
  passages_.assign(2, Passage());
  EXPECT_EQ(Best("A pipe has a capacity.").score, 0);
  passages_[0].text = "broken \xC3 text \xFF here is a pipe.";
  EXPECT_GE(Best("Here is a pipe.").score, 0);
}

TEST_F(SupportTest, CancellationIsHeard) {
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer,
                       SupportScorer::Create(&embedder_, passages_, {}));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_STATUS(scorer.Score("A pipe.", 1, CallContext(stop.get_token())), kCancelled, "cancelled");
  EXPECT_STATUS(scorer.BestQuotations("What is a pipe?", 1, CallContext(stop.get_token())),
                kCancelled, "cancelled");
}

TEST_F(SupportTest, AQuestionIsAnsweredByItsSentence) {
  struct Case {
    const char* question;
    const char* quote;
  };
  for (const Case& c : {
           Case{"What is Marfan syndrome?", "Marfan syndrome is a disorder"},
           Case{"When was the agreement signed?", "12 May 2020"},
           Case{"How much does the licensee have to pay?", "$1,500"},
           Case{"What happens if the file does not exist?", "ENOENT"},
           Case{"Which signals cannot be caught?", "SIGKILL"},
           Case{"How large is a pipe?", "65,536 bytes"},
           Case{"What does O_CLOEXEC do?", "O_CLOEXEC"},
       }) {
    for (bool with_embedder : {true, false}) {
      ASSERT_OK_AND_ASSIGN(
          const SupportScorer scorer,
          SupportScorer::Create(with_embedder ? &embedder_ : nullptr, passages_, {}));
      ASSERT_OK_AND_ASSIGN(const std::vector<Support> quotations,
                           scorer.BestQuotations(c.question, 2, {}));
      ASSERT_FALSE(quotations.empty()) << c.question;
      EXPECT_NE(Quote(quotations[0]).find(c.quote), std::string::npos)
          << c.question << "\nquoted: " << Quote(quotations[0]);
      EXPECT_GT(quotations[0].score, 0);
      EXPECT_LE(quotations[0].score, 1);
    }
  }
}

TEST_F(SupportTest, QuotationsDoNotOverlapAndMayShareAPassage) {
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer,
                       SupportScorer::Create(&embedder_, passages_, {}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Support> quotations,
                       scorer.BestQuotations("What may or must the Licensee do?", 6, {}));
  int of_licence = 0;
  for (size_t i = 0; i < quotations.size(); ++i) {
    of_licence += quotations[i].passage == 0 ? 1 : 0;
    for (size_t j = 0; j < i; ++j) {
      EXPECT_TRUE(quotations[i].passage != quotations[j].passage ||
                  quotations[i].span.start >= quotations[j].span.end ||
                  quotations[j].span.start >= quotations[i].span.end);
      EXPECT_LE(quotations[i].score, quotations[j].score);
    }
  }
  EXPECT_GE(of_licence, 3);
}

TEST_F(SupportTest, AnEntrysFirstSentenceDefinesItsTitle) {
  Add("hp-1", "Arachnodactyly",
      "Abnormally long and slender fingers, as those of a spider. Seen in several disorders.");
  ASSERT_OK_AND_ASSIGN(const SupportScorer scorer, SupportScorer::Create(nullptr, passages_, {}));
  ASSERT_OK_AND_ASSIGN(const std::vector<Support> quotations,
                       scorer.BestQuotations("What is arachnodactyly?", 1, {}));
  ASSERT_EQ(quotations.size(), 1u);
  EXPECT_EQ(Quote(quotations[0]), "Abnormally long and slender fingers, as those of a spider.");
}

}  // namespace
}  // namespace footnote::generator
