// The search that passes rows over against one that scores every row: same rows, same scores, same
// order.
#include "retriever/storage/bm25.h"

#include <gmock/gmock.h>

#include <cmath>
#include <map>
#include <random>

#include "retriever/storage/local_corpus.h"
#include "tests/retriever/corpus_builder.h"

namespace footnote::retriever {
namespace {

using testing::FakeEmbedder;
using testing::SettingsFor;
using testing::TempDir;

std::string Words(std::mt19937& random, uint32_t count) {
  std::string text;
  for (uint32_t i = 0; i < count; ++i) {
    // Cubed: a few words are in nearly every row, many in one or two.
    const double u = random() / 4294967296.0;
    text += (i == 0 ? "w" : " w") + std::to_string(static_cast<int>(900 * u * u * u)) + "x";
  }
  return text;
}

// Rows of which some are short, some long, some without headings; documents whose title says what
// the text does not.
IndexedDocument RandomDocument(std::mt19937& random, int number) {
  IndexedDocument indexed;
  Document& document = indexed.document;
  document.id = "doc" + std::to_string(number);
  document.title = Words(random, random() % 4);
  document.metadata = {{"year", {static_cast<double>(random() % 10)}}};
  const std::vector<std::string> principals = {"user:ann", "group:a", "group:b"};
  for (uint32_t n = random() % 3; n > 0; --n) document.access.allow.push_back(principals[n]);
  if (random() % 6 == 0) document.access.deny.push_back(principals[random() % 3]);
  for (uint32_t chunks = 1 + random() % 6; chunks > 0; --chunks) {
    // Some are like others, so that scores tie.
    const std::string piece = random() % 4 == 0
                                  ? "w0x w1x w2x"
                                  : Words(random, 1 + random() % (random() % 20 == 0 ? 300 : 25));
    if (!document.text.empty()) document.text += "\n\n";
    Chunk chunk;
    chunk.span = {document.text.size(), document.text.size() + piece.size()};
    for (uint32_t n = random() % 3; n > 0; --n) chunk.heading_path.push_back(Words(random, 2));
    document.text += piece;
    indexed.chunks.push_back(std::move(chunk));
  }
  document.version = Sha256Hex(document.text);
  return indexed;
}

struct Row {
  std::string document_id;
  std::array<std::map<std::string, double>, kFields> terms;
  std::array<double, kFields> lengths = {};
};

// Every row of the corpus by its number, counted anew from what is stored.
std::vector<Row> ReadRows(const LocalCorpus::Snapshot& now, const Analyzer& analyzer) {
  std::vector<Row> rows;
  for (const auto& part : now.view->parts) {
    for (uint32_t i = 0; i < part.segment->documents.size(); ++i) {
      auto document = ReadDocument(*now.store, part.segment->record.id(), i,
                                   !part.segment->record.without_vectors());
      EXPECT_OK(document);
      for (const records::ChunkRecord& chunk : document->chunks()) {
        Row row;
        row.document_id = document->document().id();
        std::string headings;
        for (const std::string& heading : chunk.heading_path()) headings += heading + "\n";
        const std::array<std::string, kFields> texts = {document->document().title(), headings,
                                                        chunk.text()};
        for (size_t field = 0; field < kFields; ++field) {
          for (const std::string& term : analyzer.Terms(texts[field])) {
            row.terms[field][term] += 1;
            row.lengths[field] += 1;
          }
        }
        rows.push_back(std::move(row));
      }
    }
  }
  return rows;
}

// BM25F as the books have it, over the visible rows. Sums as bm25.h says: in units of 2^-40.
std::vector<float> ScoreAll(const std::vector<Row>& rows, const std::vector<bool>& visible,
                            const std::vector<QueryTerm>& terms, const Bm25Parameters& parameters) {
  double count = 0;
  std::array<double, kFields> means = {};
  for (size_t i = 0; i < rows.size(); ++i) {
    if (!visible[i]) continue;
    count += 1;
    for (size_t field = 0; field < kFields; ++field) means[field] += rows[i].lengths[field];
  }
  for (double& mean : means) mean = std::max(1.0, mean / std::max(1.0, count));
  std::map<std::string, double> weights;
  for (const QueryTerm& term : terms) weights[term.term] += term.weight;
  std::vector<float> scores(rows.size(), 0);
  std::vector<int64_t> units(rows.size(), 0);
  for (const auto& [term, weight] : weights) {
    double df = 0;
    std::vector<double> frequencies(rows.size(), 0);
    for (size_t i = 0; i < rows.size(); ++i) {
      if (!visible[i]) continue;
      bool any = false;
      for (const size_t field : {size_t{kBody}, size_t{kTitle}, size_t{kHeadings}}) {
        const auto found = rows[i].terms[field].find(term);
        if (found == rows[i].terms[field].end()) continue;
        any = true;
        const FieldParameters& of = parameters.fields[field];
        frequencies[i] +=
            found->second * (of.weight / (1 - of.b + of.b * rows[i].lengths[field] / means[field]));
      }
      df += any ? 1 : 0;
    }
    if (df == 0) continue;
    const double factor = weight * std::log1p((count - df + 0.5) / (df + 0.5)) *
                          (parameters.k1 + 1) * 1099511627776.0;
    for (size_t i = 0; i < rows.size(); ++i) {
      const double tf = frequencies[i];
      units[i] += static_cast<int64_t>(factor * tf / (tf + parameters.k1) + 0.5);
    }
  }
  for (size_t i = 0; i < rows.size(); ++i) {
    scores[i] = static_cast<float>(static_cast<double>(units[i]) / 1099511627776.0);
  }
  return scores;
}

class Bm25Test : public ::testing::Test {
 protected:
  // Three segments, two with dead rows, one without vectors.
  void SetUp() override {
    std::mt19937 random(31);
    ASSERT_OK_AND_ASSIGN(auto writer,
                         CorpusWriter::Open(folder_.path(), "docs", SettingsFor(embedder_, false)));
    for (int i = 0; i < 3000; ++i) {
      ASSERT_OK(writer->Put(RandomDocument(random, i), "f"));
      if (i != 1500) continue;
      ASSERT_OK(writer->Publish());
    }
    for (int i = 0; i < 100; ++i) {
      ASSERT_OK(writer->Put(RandomDocument(random, static_cast<int>(random() % 1500)), "g"));
    }
    ASSERT_OK(writer->Delete("doc3"));
    ASSERT_OK(writer->Publish());
    ASSERT_OK_AND_ASSIGN(corpus_, LocalCorpus::Open(folder_ / "docs"));
    ASSERT_OK_AND_ASSIGN(now_, corpus_->Now());
    rows_ = ReadRows(now_, corpus_->analyzer());
    ASSERT_EQ(rows_.size(), now_.view->rows);
    ASSERT_GT(rows_.size(), 10000u);
  }

  std::vector<bool> Flags(const RowSet& set) const {
    std::vector<bool> flags(rows_.size());
    for (size_t row = 0; row < rows_.size(); ++row) {
      const auto place = now_.view->Locate(row);
      flags[row] = set.Has(place.part, place.row);
    }
    return flags;
  }

  TempDir folder_;
  FakeEmbedder embedder_;
  std::shared_ptr<LocalCorpus> corpus_;
  LocalCorpus::Snapshot now_;
  std::vector<Row> rows_;
};

TEST_F(Bm25Test, TheBestRowsAreThoseOfAScanOfAllRows) {
  const std::vector<Asker> askers = {{{"group:a"}}, {{"group:b", "group:a"}}, {{"user:ann"}}, {}};
  ASSERT_OK_AND_ASSIGN(const Filter filter, Filter::Parse("year < 3"));
  ASSERT_OK_AND_ASSIGN(const Filter narrow, Filter::Parse("prefix(document_id, \"doc77\")"));
  std::mt19937 random(32);
  size_t compared = 0;
  for (int round = 0; round < 150; ++round) {
    const Asker& asker = askers[random() % askers.size()];
    const Filter* used = round % 3 == 0 ? nullptr : round % 3 == 1 ? &filter : &narrow;
    const auto visible = corpus_->Visible(now_, asker);
    const auto allowed = corpus_->Allowed(now_, asker, used);
    Bm25Parameters parameters;
    parameters.k1 = 0.1 + (random() % 20) / 10.0;
    for (FieldParameters& field : parameters.fields) {
      field = {(random() % 30) / 10.0, (random() % 11) / 10.0};
    }
    std::vector<QueryTerm> terms;
    for (const std::string& term : corpus_->analyzer().Terms(Words(random, 1 + random() % 12))) {
      terms.push_back({term, 0.1 + (random() % 30) / 10.0});
    }
    const size_t k = std::vector<size_t>{1, 10, 200, 20000}[random() % 4];
    ASSERT_OK_AND_ASSIGN(
        const Bm25Query query,
        Bm25Query::Make({*now_.postings, *now_.view, *visible}, terms, parameters));
    ASSERT_OK_AND_ASSIGN(const std::vector<LexicalHit> got, query.Best(k, *allowed));

    const std::vector<bool> may_return = Flags(*allowed);
    const std::vector<float> scores = ScoreAll(rows_, Flags(*visible), terms, parameters);
    std::vector<size_t> expected;
    for (size_t row = 0; row < rows_.size(); ++row) {
      if (may_return[row] && scores[row] > 0) expected.push_back(row);
    }
    std::sort(expected.begin(), expected.end(), [&](size_t a, size_t b) {
      return scores[a] != scores[b] ? scores[a] > scores[b] : now_.view->Precedes(a, b);
    });
    if (expected.size() > k) expected.resize(k);
    ASSERT_EQ(got.size(), expected.size()) << round;
    for (size_t i = 0; i < got.size(); ++i) {
      ASSERT_EQ(got[i].row, expected[i]) << round << " at " << i;
      ASSERT_EQ(got[i].score, scores[expected[i]]) << round << " at " << i;
    }
    compared += got.size();

    std::vector<size_t> asked;
    for (int i = 0; i < 50; ++i) asked.push_back(random() % rows_.size());
    ASSERT_OK_AND_ASSIGN(const std::vector<float> given, query.ScoresOf(asked));
    const std::vector<bool> may_see = Flags(*visible);
    for (size_t i = 0; i < asked.size(); ++i) {
      if (may_see[asked[i]]) {
        ASSERT_EQ(given[i], scores[asked[i]]);
      }
    }
  }
  EXPECT_GT(compared, 5000u);
}

TEST_F(Bm25Test, ListsOutlastACacheThatIsTooSmallForThem) {
  const auto visible = corpus_->Visible(now_, {{"group:a"}});
  PostingsCache small(now_.store, 20000);
  const std::vector<QueryTerm> terms = {{"w0x", 1}, {"w1x", 2}, {"w5x", 1}, {"w700x", 1}};
  std::vector<std::vector<std::pair<size_t, float>>> answers;
  for (PostingsCache* cache : {now_.postings.get(), &small, &small}) {
    ASSERT_OK_AND_ASSIGN(const Bm25Query query,
                         Bm25Query::Make({*cache, *now_.view, *visible}, terms, Bm25Parameters()));
    ASSERT_OK_AND_ASSIGN(const auto hits, query.Best(50, *visible));
    answers.emplace_back();
    for (const LexicalHit& hit : hits) answers.back().emplace_back(hit.row, hit.score);
  }
  EXPECT_EQ(answers[0].size(), 50u);
  EXPECT_EQ(answers[1], answers[0]);
  EXPECT_EQ(answers[2], answers[0]);
}

TEST_F(Bm25Test, WeightsOfOneTermAddUpAndNothingIsNothing) {
  const auto visible = corpus_->Visible(now_, {{"group:a"}});
  const auto best = [&](const std::vector<QueryTerm>& terms, size_t k) {
    auto query = Bm25Query::Make({*now_.postings, *now_.view, *visible}, terms, Bm25Parameters());
    EXPECT_OK(query);
    std::vector<std::pair<size_t, float>> rows;
    const auto hits = query->Best(k, *visible);
    EXPECT_OK(hits);
    for (const LexicalHit& hit : *hits) rows.emplace_back(hit.row, hit.score);
    return rows;
  };
  EXPECT_EQ(best({{"w3x", 1}, {"w3x", 0.5}}, 20), best({{"w3x", 1.5}}, 20));
  EXPECT_TRUE(best({{"w3x", 1}}, 0).empty());
  EXPECT_TRUE(best({{"w3x", 0}, {"w4x", -1}, {"unheard", 1}}, 20).empty());
  EXPECT_TRUE(best({}, 20).empty());
}

TEST(Postings, DamagedStretchesAreRefused) {
  RowLengths lengths;
  for (int i = 0; i < 10; ++i) lengths.Add({1, 2, 3});
  const auto add = [&](uint32_t format, std::string value, uint32_t first_row) {
    return PostingsList().AddStretch(format, value, first_row, lengths);
  };
  using namespace std::string_literals;
  // Two postings: rows 4 and 6, once in the body and nowhere else.
  EXPECT_OK(add(2, "\x02\x01\x05"s, 4));
  EXPECT_STATUS(add(2, "\x02\x01\x05"s, 8), kDataLoss, "postings");      // row 10 of 10
  EXPECT_STATUS(add(2, "\x02\x01"s, 4), kDataLoss, "postings");          // cut short
  EXPECT_STATUS(add(2, "\x02\x01\x05\x01"s, 4), kDataLoss, "postings");  // goes on
  EXPECT_STATUS(add(2, ""s, 4), kDataLoss, "postings");
  EXPECT_STATUS(add(2, "\x00"s, 4), kDataLoss, "postings");
  EXPECT_STATUS(add(2, "\xFF\xFF\xFF\xFF\xFF\xFF"s, 4), kDataLoss, "postings");
  EXPECT_OK(add(1, "\x02\x00\x01\x02\x03"s, 4));
  EXPECT_STATUS(add(1, "\x02\x00\x01\x02"s, 4), kDataLoss, "postings");
  EXPECT_STATUS(add(1, "\x01\x0A\x01"s, 4), kDataLoss, "postings");
  std::mt19937 random(5);
  for (int i = 0; i < 20000; ++i) {
    std::string bytes(random() % 40, '\0');
    for (char& c : bytes) c = static_cast<char>(random() % (i % 2 == 0 ? 256 : 8));
    if (i % 4 == 1) bytes = "\xC8\x01" + bytes;  // 200 postings: with bounds of blocks
    PostingsList list;
    if (!list.AddStretch(1 + i % 2, bytes, random() % 12, lengths).ok()) continue;
    for (size_t b = 0; b < list.blocks().size(); ++b) {
      DecodedBlock block;
      if (!list.Decode(b, block).ok()) continue;
      for (uint32_t j = 0; j < block.count; ++j) ASSERT_LT(block.rows[j], lengths.size());
    }
  }
}

}  // namespace
}  // namespace footnote::retriever
