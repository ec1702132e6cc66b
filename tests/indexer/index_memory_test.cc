// Indexing keeps to its bound of memory however long the texts are, and says what would not fit.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>

#include "indexer/indexer.h"
#include "retriever/corpus.h"
#include "tests/testing/child_peak.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

namespace fs = std::filesystem;
using testing::PeakBytesOf;
using testing::TempDir;

constexpr uint64_t kMebibyte = uint64_t{1} << 20;

// Counts words fast, and gives each text a vector of its length's.
class QuickEmbedder : public testing::FakeEmbedder {
 public:
  QuickEmbedder() : FakeEmbedder(384) {}

  int CountTokens(std::string_view text) const override {
    return static_cast<int>(std::count(text.begin(), text.end(), ' ')) + 1;
  }
  StatusOr<PartedEmbeddings> EmbedParts(std::span<const PartedText> texts, TextRole role,
                                        const CallContext& call) const override {
    std::vector<std::string_view> wholes, parts;
    for (const PartedText& text : texts) {
      wholes.push_back(text.text);
      for (const ByteSpan& part : text.parts) {
        parts.push_back(text.text.substr(part.start, part.size()));
      }
    }
    PartedEmbeddings embeddings;
    FOOTNOTE_ASSIGN_OR_RETURN(embeddings.texts, Embed(wholes, role, call));
    FOOTNOTE_ASSIGN_OR_RETURN(embeddings.parts, Embed(parts, role, call));
    return embeddings;
  }
  StatusOr<Embeddings> Embed(std::span<const std::string_view> texts, TextRole,
                             const CallContext&) const override {
    Embeddings embeddings;
    embeddings.width = width();
    embeddings.truncated.resize(texts.size());
    for (const std::string_view text : texts) {
      std::vector<float> vector(static_cast<size_t>(width()), 0.0f);
      vector[text.size() % vector.size()] = 1;
      embeddings.values.insert(embeddings.values.end(), vector.begin(), vector.end());
    }
    return embeddings;
  }
};

void WriteText(const fs::path& path, uint64_t bytes) {
  std::ofstream file(path);
  uint64_t written = 0;
  for (uint64_t line = 0; written < bytes; ++line) {
    const std::string text = "Clause " + std::to_string(line) +
                             " obliges the tenant to keep number " + std::to_string(line * 7919) +
                             " of the house in repair. It ends with the term" +
                             (line % 5 == 4 ? ".\n\n" : ". ");
    file << text;
    written += text.size();
  }
}

Status Build(const fs::path& source, const fs::path& root, uint64_t left, IndexReport& report) {
  if (left != 0) KeepNoLargeBlocks();
  MemoryBound memory;
  memory.held_bytes = ResidentBytes();
  if (left != 0) memory.total_bytes = memory.held_bytes + left;
  const QuickEmbedder embedder;
  retriever::CorpusSettings settings;
  settings.is_public = true;
  settings.embedder_name = embedder.name();
  settings.embedder_sha256 = embedder.model_sha256();
  settings.width = embedder.width();
  settings.memory = memory;
  FOOTNOTE_ASSIGN_OR_RETURN(const auto writer,
                            retriever::CorpusWriter::Open(root, "docs", settings));
  IndexOptions options{.sources = {source}};
  options.memory = memory;
  FOOTNOTE_ASSIGN_OR_RETURN(report, BuildIndex(options, embedder, *writer, {}, CallContext()));
  return OkStatus();
}

TEST(IndexMemory, LongTextsKeepToTheBoundAndLongerOnesAreNamedWithTheRemedy) {
  if (!testing::MemoryCanBeMeasured()) GTEST_SKIP() << "a sanitizer's memory is no measure";
  constexpr uint64_t kLeft = 160 * kMebibyte;
  const TempDir source;
  const TempDir root;
  for (int i = 0; i < 4; ++i) {
    WriteText(source / ("long" + std::to_string(i) + ".txt"), 3 * kMebibyte / 2);
  }
  WriteText(source / "longer.txt", 2 * kMebibyte);
  ASSERT_OK_AND_ASSIGN(const uint64_t idle, PeakBytesOf([] { return OkStatus(); }));
  ASSERT_OK_AND_ASSIGN(
      const uint64_t peak, PeakBytesOf([&]() -> Status {
        IndexReport report;
        FOOTNOTE_RETURN_IF_ERROR(Build(source.path(), root.path(), kLeft, report));
        if (report.added == 4 && report.failures.size() == 1 &&
            report.failures[0].source.ends_with("longer.txt") &&
            report.failures[0].error.find("larger than 1 MB") != std::string::npos &&
            report.failures[0].error.find("or give --memory ") != std::string::npos) {
          return OkStatus();
        }
        return InternalError(std::to_string(report.added) + " added; " +
                             (report.failures.empty() ? "no failure" : report.failures[0].error));
      }));
  RecordProperty("idle", std::to_string(idle));
  RecordProperty("peak", std::to_string(peak));
  EXPECT_LE(peak, idle + kLeft) << (peak - idle) / kMebibyte << " MiB";
  ASSERT_OK_AND_ASSIGN(const auto corpus, retriever::Corpus::Open(root.path(), "docs"));
  EXPECT_EQ(corpus->Info().documents, 4);
}

TEST(IndexMemory, WithoutABoundTheLimitIsTheFormats) {
  const TempDir source;
  const TempDir root;
  WriteText(source / "longer.txt", 2 * kMebibyte);
  IndexReport report;
  ASSERT_OK(Build(source.path(), root.path(), 0, report));
  EXPECT_EQ(report.added, 1);
}

}  // namespace
}  // namespace footnote::indexer
