// What a query gets beside its own words: names and rare words lead, quoted phrases come first,
// abbreviations and misspelt words find what they stand for. Each for visible documents only.
#include <gmock/gmock.h>

#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using testing::FakeEmbedder;
using testing::IdsOf;
using ::testing::IsEmpty;
using testing::MakeDocument;
using ::testing::Not;
using testing::SettingsFor;
using testing::TempDir;

const Asker kAnn{{"user:ann"}};
const Asker kBob{{"user:bob"}};
const AccessList kBoth{{"user:ann", "user:bob"}, {}};
const AccessList kAnnOnly{{"user:ann"}, {}};

class LexicalStagesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder_.path(), "docs", SettingsFor(embedder_, false)));
    const auto put = [&](const std::string& id, const std::string& text,
                         const AccessList& access = kBoth) {
      ASSERT_OK(writer->Put(MakeDocument(embedder_, id, text, {}, access), "f"));
    };
    put("heart", "Patients with myocardial infarction (MI) need care at once.");
    put("after", "Care after myocardial infarction goes on for months.");
    put("ward", "The MI ward is on the third floor.");
    ASSERT_OK(writer->Publish());
    put("secret", "The Marigold Initiative (MGI) is not announced yet.", kAnnOnly);
    put("garden", "A marigold initiative was the gardeners' idea.");
    put("mgi", "MGI is on everybody's lips.");
    put("order", "The delivery takes two weeks, and notice must be given in writing.");
    put("virus", "The human papilloma virus (HPV) and its vaccine.");
    put("shot", "A shot against papilloma. Each virus is another.");
    put("who", "The World Health Organization (WHO) advises; its advice is followed.");
    put("world", "A world of advice on health.");
    for (int i = 0; i < 30; ++i) put("people" + std::to_string(i), "Those who ask are told.");
    put("notice",
        "Notice given: writing is a way to deliver it, and in two weeks there must be more.");
    put("flag", "Use --no-preserve-root to go on. Root and preserve are two words.");
    put("roots", "Preserve the root: no root is preserved without care, no root at all, no.");
    put("clause", "Processing under Art. 6(1)(f) needs interests that weigh more.");
    put("article", "Article 6 lists: 1, f, and 6 again; f and 1 are there, 6, 1, f.");
    put("hidden", "Zymurgologists brew.", kAnnOnly);
    put("nearer", "Qwertyuiopa.", kAnnOnly);
    put("farther", "Qwertyuiop.");
    put("runner", "She runs.");
    put("running", "Running, a run, run and run: he ran.");
    for (int i = 0; i < 30; ++i) put("run" + std::to_string(i), "Run a running run. Number one.");
    put("library", "libfoo.so.6 is linked by the program.");
    for (int i = 0; i < 40; ++i) {
      put("filler" + std::to_string(i),
          "Root, care, weeks, notice, writing and program number " + std::to_string(i) + " f 1 6.");
    }
    ASSERT_OK(writer->Publish());
    ASSERT_OK_AND_ASSIGN(corpus_, Corpus::Open(folder_.path(), "docs"));
    EXPECT_THAT(corpus_->Verify(nullptr).value(), IsEmpty());
    ASSERT_OK_AND_ASSIGN(backend_, MakeLocalRetriever(corpus_, &embedder_));
  }

  std::vector<Passage> Ask(const std::string& query, uint32_t off = 0, const Asker& asker = kBob,
                           FusionKind fusion = FusionKind::kCalibratedSum, double diversity = 0) {
    RetrievalRequest request;
    request.query = query;
    request.asker = asker;
    request.off = off;
    request.fusion = fusion;
    request.diversity = diversity;
    auto result = backend_->Retrieve(request, CallContext());
    EXPECT_OK(result);
    return result.ok() ? result->passages : std::vector<Passage>();
  }
  std::vector<std::string> Lexical(const std::string& query, uint32_t off = 0,
                                   const Asker& asker = kBob) {
    return IdsOf(Ask(query, off, asker, FusionKind::kLexicalOnly));
  }

  TempDir folder_;
  FakeEmbedder embedder_;
  std::shared_ptr<Corpus> corpus_;
  std::unique_ptr<RetrievalBackend> backend_;
};

TEST_F(LexicalStagesTest, NamesAskedAloneComeFirstWhateverTheirPartsAre) {
  for (const auto& [query, id] :
       std::vector<std::pair<std::string, std::string>>{{"--no-preserve-root", "flag"},
                                                        {"6(1)(f)", "clause"},
                                                        {"Art. 6(1)(f)", "clause"},
                                                        {"libfoo.so.6", "library"},
                                                        {"runs", "runner"}}) {
    const std::vector<Passage> passages = Ask(query);
    ASSERT_FALSE(passages.empty()) << query;
    EXPECT_EQ(passages[0].document_id, id) << query;
    for (size_t i = 1; i < passages.size(); ++i) {
      EXPECT_LE(passages[i].score, passages[i - 1].score) << query;
      EXPECT_LE(passages[i].score, 1.0);
    }
  }
  // The parts find it, too.
  EXPECT_THAT(Lexical("libfoo"), ElementsAre("library"));
}

TEST_F(LexicalStagesTest, PassagesWithTheQuotedPhraseComeBeforeAllOthers) {
  const std::string phrase = "\"must be given in  Writing\" two weeks";
  const std::vector<Passage> passages = Ask(phrase);
  ASSERT_GE(passages.size(), 2u);
  EXPECT_EQ(passages[0].document_id, "order");
  EXPECT_GE(passages[0].score, 0.5);
  EXPECT_LT(passages[1].score, 0.5);
  EXPECT_EQ(Ask("“notice given: writing” two weeks delivery")[0].document_id, "notice");
  // Of two phrases, both before one.
  EXPECT_EQ(Ask("\"notice given\" \"two words\" \"way to deliver\"")[0].document_id, "notice");
  // A phrase that nothing holds changes nothing.
  EXPECT_LE(Ask("\"in weeks two writing\"")[0].score, 1.0);
  EXPECT_EQ(IdsOf(Ask("\"in weeks two writing\"")),
            IdsOf(Ask("\"in weeks two writing\"", kWithoutPhrases)));
  EXPECT_FALSE(Ask("\" \"\"\"").empty());
}

TEST_F(LexicalStagesTest, AbbreviationsAndLongFormsFindEachOther) {
  EXPECT_THAT(Lexical("MI"), Contains("after"));
  EXPECT_THAT(Lexical("MI", kWithoutAbbreviations), Not(Contains("after")));
  EXPECT_EQ(Lexical("MI")[0], "heart");  // has both
  EXPECT_THAT(Lexical("myocardial infarctions"), Contains("ward"));
  EXPECT_THAT(Lexical("myocardial infarctions", kWithoutAbbreviations), Not(Contains("ward")));
  EXPECT_THAT(Lexical("HPV"), Contains("shot"));
  EXPECT_THAT(Lexical("hpv"), Contains("shot"));
  // "who" is a word of its own, but not in capitals.
  EXPECT_THAT(Lexical("WHO"), Contains("world"));
  EXPECT_THAT(Lexical("who"), Not(Contains("world")));
  // What only a hidden document explains is not explained.
  EXPECT_THAT(Lexical("MGI", 0, kAnn), Contains("garden"));
  EXPECT_THAT(Lexical("MGI", 0, kBob), ElementsAre("mgi"));
}

TEST_F(LexicalStagesTest, MisspeltWordsGetTheNearestThatIsThere) {
  EXPECT_THAT(Lexical("infraction"), Contains("after"));  // two exchanged, ten letters
  EXPECT_THAT(Lexical("infraction", kWithoutSpelling), IsEmpty());
  EXPECT_THAT(Lexical("delivry"), Contains("order"));
  // Not from a hidden document, not even that it is there.
  EXPECT_THAT(Lexical("zymurgologist", 0, kAnn), ElementsAre("hidden"));
  EXPECT_THAT(Lexical("zymurgologiss", 0, kAnn), ElementsAre("hidden"));
  EXPECT_THAT(Lexical("zymurgologiss", 0, kBob), IsEmpty());
  EXPECT_THAT(Lexical("qwertyuiopas", 0, kAnn), ElementsAre("nearer"));
  EXPECT_THAT(Lexical("qwertyuiopas", 0, kBob), ElementsAre("farther"));
  // A word that is there stays what it is.
  EXPECT_EQ(Lexical("floor"), Lexical("floor", kWithoutSpelling));
}

TEST_F(LexicalStagesTest, AnswersAreThoseOfACorpusWithoutWhatIsHiddenHoweverItWasPublished) {
  ASSERT_OK_AND_ASSIGN(const std::vector<std::string> ids, corpus_->DocumentIds());
  {
    ASSERT_OK_AND_ASSIGN(
        auto writer, CorpusWriter::Open(folder_.path(), "visible", SettingsFor(embedder_, false)));
    for (size_t i = 0; i < ids.size(); ++i) {
      ASSERT_OK_AND_ASSIGN(const Document document, corpus_->GetDocumentAsOwner(ids[i]));
      if (!MaySee(kBob, document.access, false)) continue;
      ASSERT_OK(writer->Put(
          MakeDocument(embedder_, document.id, document.text, {}, document.access), "f"));
      if (i % 50 == 7) {
        ASSERT_OK(writer->Publish());
      }
    }
    ASSERT_OK(writer->Publish());
  }
  for (const std::string query :
       {"MI", "WHO", "hpv vaccine", "myocardial infarction", "MGI", "qwertyuiopas",
        "infraction care", "zymurgologists", "\"two weeks\" notice",
        "\"notice given\" \"two words\"", "6(1)(f)", "runs", "what is --no-preserve-root for",
        "libfoo.so.6"}) {
    for (const double diversity : {0.0, 0.4}) {
      const std::vector<Passage> got = Ask(query, 0, kBob, FusionKind::kCalibratedSum, diversity);
      ASSERT_OK_AND_ASSIGN(
          const std::vector<Passage> expected,
          testing::AskCorpus(folder_.path(), "visible", embedder_, query, 10, kBob, {}, diversity));
      ASSERT_EQ(IdsOf(got), IdsOf(expected)) << query << " " << diversity;
      for (size_t i = 0; i < got.size(); ++i) {
        EXPECT_EQ(got[i].lexical_score, expected[i].lexical_score) << query << " at " << i;
        EXPECT_NEAR(got[i].score, expected[i].score, 1e-6) << query << " at " << i;
      }
    }
  }
}

TEST_F(LexicalStagesTest, TitlesAndHeadingsAreFieldsOfTheirOwn) {
  // Every title is "Title of ID".
  EXPECT_THAT(Lexical("garden"), Contains("garden"));
  EXPECT_THAT(Lexical("library", kWithoutFields | kWithoutSpelling | kWithoutIdentifiers),
              IsEmpty());
  EXPECT_THAT(Lexical("library"), ElementsAre("library"));
  EXPECT_FALSE(Lexical("Section").empty());  // the heading of every chunk
}

TEST_F(LexicalStagesTest, PartsToLeaveOutAreNamed) {
  ASSERT_OK_AND_ASSIGN(const uint32_t off, ParseAblations("phrases,spelling"));
  EXPECT_EQ(off, kWithoutPhrases | kWithoutSpelling);
  ASSERT_OK_AND_ASSIGN(const uint32_t none, ParseAblations(""));
  EXPECT_EQ(none, 0u);
  EXPECT_STATUS(ParseAblations("phrase"), kInvalidArgument, "there are bm25f, phrases");
}

}  // namespace
}  // namespace footnote::retriever
