// What a writer may take of memory: which index it then builds, when it says that it cannot, and
// that it keeps to it.
#include "retriever/storage/writer_memory.h"

#include <cmath>

#include "common/sha256.h"
#include "retriever/corpus.h"
#include "tests/testing/child_peak.h"
#include "tests/testing/fake_embedder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::retriever {
namespace {

using testing::PeakBytesOf;
using testing::TempDir;

constexpr uint64_t kMebibyte = uint64_t{1} << 20;
constexpr int kWidth = 384;

MemoryBound Bound(uint64_t mebibytes, uint64_t held = 100) {
  return {mebibytes * kMebibyte, held * kMebibyte};
}

TEST(WriterMemory, WithoutABoundTheIndexIsTheFastest) {
  const WriterMemory memory;
  EXPECT_EQ(memory.Choose(VectorIndexKind::kAuto, 200'000, kWidth, 1'000'000)->kind,
            VectorIndexKind::kFlat);
  EXPECT_EQ(memory.Choose(VectorIndexKind::kAuto, 10'000'000, kWidth, 1'000'000)->kind,
            VectorIndexKind::kHnsw);
}

TEST(WriterMemory, WhatDoesNotFitGivesWayToBytesWithTheReason) {
  for (const size_t rows : {size_t{150'000}, size_t{1'000'000}}) {
    const WriterMemory memory(Bound(rows == 150'000 ? 400 : 1100));
    ASSERT_OK_AND_ASSIGN(const VectorIndexChoice choice,
                         memory.Choose(VectorIndexKind::kAuto, rows, kWidth, 1000));
    EXPECT_EQ(choice.kind, VectorIndexKind::kSq8) << rows;
    EXPECT_NE(choice.reason.find("of memory"), std::string::npos) << choice.reason;
  }
  EXPECT_EQ(WriterMemory(Bound(4096)).Choose(VectorIndexKind::kAuto, 1'000'000, kWidth, 1)->kind,
            VectorIndexKind::kHnsw);
}

TEST(WriterMemory, WhatFitsInNoWayIsRefusedWithTheLeastThatWorks) {
  const auto least_in = [](const Status& refused) {
    const std::string& text = refused.message();
    const size_t at = text.find("run again with --memory ") + 24;
    return ParseByteSize(text.substr(at, text.find_first_of(",;", at) - at)).value();
  };
  for (const VectorIndexKind kind : {VectorIndexKind::kAuto, VectorIndexKind::kHnsw,
                                     VectorIndexKind::kIvf, VectorIndexKind::kFlat}) {
    const size_t rows = 2'000'000;
    const StatusOr<VectorIndexChoice> refused =
        WriterMemory(Bound(700)).Choose(kind, rows, kWidth, 1000);
    EXPECT_STATUS(refused, kResourceExhausted, "run again with --memory");
    EXPECT_EQ(refused.status().message().find("--vector-index sq8") == std::string::npos,
              kind == VectorIndexKind::kAuto);
    MemoryBound enough = Bound(700);
    enough.total_bytes = least_in(refused.status());
    EXPECT_OK(WriterMemory(enough).Choose(kind, rows, kWidth, 1000));
  }
}

TEST(WriterMemory, DocumentsCountToo) {
  EXPECT_OK(WriterMemory(Bound(500)).Choose(VectorIndexKind::kSq8, 1000, kWidth, 10'000));
  EXPECT_STATUS(WriterMemory(Bound(500)).Choose(VectorIndexKind::kSq8, 1000, kWidth, 1'000'000),
                kResourceExhausted, "--memory");
}

// A unit vector that depends on the row alone.
void AddVector(uint32_t row, std::vector<float>& out, int width = kWidth) {
  uint32_t state = row * 2654435761u + 1;
  const size_t start = out.size();
  double norm = 0;
  for (int i = 0; i < width; ++i) {
    state = state * 1664525u + 1013904223u;
    const float x = static_cast<float>(state >> 8) / 8388608.0f - 1;
    out.push_back(x);
    norm += double{x} * x;
  }
  for (size_t i = start; i < out.size(); ++i) out[i] /= static_cast<float>(std::sqrt(norm));
}

TEST(WriterMemory, WhatBuildingTakesIsEstimatedFromAbove) {
  if (!testing::MemoryCanBeMeasured()) GTEST_SKIP() << "a sanitizer's memory is no measure";
  struct Case {
    VectorIndexKind kind;
    size_t rows;
    int width;  // narrow where building takes long: graphs and lists weigh the same
  };
  ASSERT_OK_AND_ASSIGN(const uint64_t idle, PeakBytesOf([] { return OkStatus(); }));
  for (const Case& each :
       {Case{VectorIndexKind::kFlat, 60'000, 256}, Case{VectorIndexKind::kSq8, 60'000, 256},
        Case{VectorIndexKind::kHnsw, 40'000, 8}, Case{VectorIndexKind::kIvf, 20'000, 64}}) {
    ASSERT_OK_AND_ASSIGN(
        const uint64_t peak, PeakBytesOf([&] {
          std::vector<float> vector;
          const auto source = [&](size_t first, std::span<float> out) {
            const auto width = static_cast<size_t>(each.width);
            for (size_t at = 0; at < out.size(); at += width) {
              vector.clear();
              AddVector(static_cast<uint32_t>(first + at / width), vector, each.width);
              std::copy(vector.begin(), vector.end(), out.begin() + static_cast<ptrdiff_t>(at));
            }
            return OkStatus();
          };
          return VectorIndex::Build(each.kind, each.width, each.rows, source, /*threads=*/2)
              .status();
        }));
    const uint64_t estimate = VectorIndexBuildBytes(each.kind, each.rows, each.width);
    const uint64_t taken = peak - idle;
    SCOPED_TRACE(std::string(VectorIndexName(each.kind)) + ": " + ByteSizeText(taken) +
                 ", estimated " + ByteSizeText(estimate));
    // Pages of FAISS and of libraries that were not touched before.
    constexpr uint64_t kProgram = 10 * kMebibyte;
    EXPECT_LE(taken, estimate + kProgram);
    EXPECT_GE(taken, estimate / 3);
    RecordProperty(std::string(VectorIndexName(each.kind)), ByteSizeText(taken));
  }
}

// Chunks of some forty words, one in four of them its own.
IndexedDocument PreparedDocument(uint32_t number, uint32_t chunks) {
  IndexedDocument indexed;
  indexed.document.id = "document/" + std::to_string(number);
  for (uint32_t c = 0; c < chunks; ++c) {
    const uint32_t row = number * chunks + c;
    Chunk chunk;
    chunk.span.start = indexed.document.text.size();
    for (uint32_t w = 0; w < 40; ++w) {
      indexed.document.text +=
          "w" + std::to_string(w % 4 == 0 ? row * 64 + w : row * 7919 % 1000 + w) + " ";
    }
    chunk.span.end = indexed.document.text.size();
    indexed.chunks.push_back(std::move(chunk));
    AddVector(row, indexed.vectors);
  }
  indexed.document.version = Sha256Hex(indexed.document.text);
  return indexed;
}

CorpusSettings Settings(const MemoryBound& memory) {
  CorpusSettings settings;
  settings.is_public = true;
  settings.embedder_name = "prepared";
  settings.embedder_sha256 = std::string(64, '1');
  settings.width = kWidth;
  settings.memory = memory;
  return settings;
}

// Puts and publishes so many documents with `left` of memory beside what this process holds.
Status Write(const std::filesystem::path& root, uint32_t documents, uint32_t chunks,
             uint64_t left) {
  MemoryBound memory;
  memory.held_bytes = ResidentBytes();
  if (left != 0) memory.total_bytes = memory.held_bytes + left;
  FOOTNOTE_ASSIGN_OR_RETURN(const auto writer, CorpusWriter::Open(root, "docs", Settings(memory)));
  for (uint32_t i = 0; i < documents; ++i) {
    FOOTNOTE_RETURN_IF_ERROR(writer->Put(PreparedDocument(i, chunks), "f"));
  }
  return writer->Publish().status();
}

TEST(WriterMemory, PublishingKeepsToTheBound) {
  if (!testing::MemoryCanBeMeasured()) GTEST_SKIP() << "a sanitizer's memory is no measure";
  constexpr uint32_t kDocuments = 600;
  constexpr uint32_t kChunks = 80;  // 48,000 rows: 74 MB as floats, half a million words
  constexpr uint64_t kLeft = 128 * kMebibyte;
  const TempDir folder;
  ASSERT_OK_AND_ASSIGN(const uint64_t idle, PeakBytesOf([] { return OkStatus(); }));
  ASSERT_OK_AND_ASSIGN(const uint64_t bounded, PeakBytesOf([&] {
                         return Write(folder / "bounded", kDocuments, kChunks, kLeft);
                       }));
  ASSERT_OK_AND_ASSIGN(const uint64_t free,
                       PeakBytesOf([&] { return Write(folder / "free", kDocuments, kChunks, 0); }));
  RecordProperty("idle", std::to_string(idle));
  RecordProperty("bounded", std::to_string(bounded));
  RecordProperty("free", std::to_string(free));
  EXPECT_LE(bounded, idle + kLeft) << (bounded - idle) / kMebibyte << " MiB";
  // Or the bound were none.
  EXPECT_GT(free, idle + kLeft) << (free - idle) / kMebibyte << " MiB";

  // All is there all the same, in the same words.
  for (const char* name : {"bounded", "free"}) {
    ASSERT_OK_AND_ASSIGN(const auto corpus, Corpus::Open(folder / name, "docs"));
    const CorpusInfo info = corpus->Info();
    EXPECT_EQ(info.chunks, kDocuments * kChunks);
    EXPECT_EQ(info.vector_index, std::string_view(name) == "free" ? "flat" : "sq8");
    ASSERT_OK_AND_ASSIGN(const auto findings, corpus->Verify(nullptr));
    EXPECT_EQ(findings.size(), 0u) << (findings.empty() ? "" : findings.front());
  }
}

TEST(WriterMemory, WhatDidNotFitIsPublishedWithMore) {
  const TempDir folder;
  constexpr uint64_t kTooLittle = 24 * kMebibyte;
  EXPECT_STATUS(Write(folder.path(), 20, 4, kTooLittle), kResourceExhausted,
                "what is embedded is kept");
  ASSERT_OK_AND_ASSIGN(const auto writer, CorpusWriter::Open(folder.path(), "docs", Settings({})));
  ASSERT_OK_AND_ASSIGN(const auto state, writer->Lookup("document/7"));
  ASSERT_TRUE(state.has_value());
  EXPECT_TRUE(state->staged);
  EXPECT_OK(writer->Publish());
}

}  // namespace
}  // namespace footnote::retriever
