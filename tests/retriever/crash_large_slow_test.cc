// A publication that is larger than RocksDB's write buffers: its rows are spread over several logs
// and files, most of them written without a sync, before the one synced batch that names them.
#include <gmock/gmock.h>

#include <iostream>

#include "tests/retriever/crash_harness.h"

namespace footnote::retriever {
namespace {

using testing::CrashHarness;
using testing::FaultsSeed;
using testing::Loss;
using testing::ScenarioRun;
using testing::ScenarioStep;
using testing::ScenarioWriter;

// Twice ChunkStore's write buffer of 16 MiB, in each of the tables texts and chunks.
constexpr int kDocuments = 16;
constexpr size_t kTextBytes = size_t{2} << 20;
constexpr int kCrashes = 8;  // with each kind of loss

Status PublishMuch(const ScenarioRun& run) {
  ScenarioWriter writer(run);
  FOOTNOTE_RETURN_IF_ERROR(writer.Open());
  for (int i = 0; i < kDocuments; ++i) {
    std::string text;
    while (text.size() < kTextBytes) text += "clause " + std::to_string(i) + " shall apply to all ";
    FOOTNOTE_RETURN_IF_ERROR(writer.Put("large" + std::to_string(i), text));
  }
  return writer.Publish();
}

TEST(CrashLarge, RowsWrittenWithoutSyncAreThereOnceTheirManifestIs) {
  const uint64_t seed = FaultsSeed(std::random_device{}());
  std::cout << "FOOTNOTE_FAULTS_SEED=" << seed << "\n";
  std::mt19937_64 random(seed);
  CrashHarness harness({{"publish much", PublishMuch}});
  ASSERT_FALSE(HasFailure());
  const CrashHarness::Step& step = harness.steps()[0];
  // From the last document on that was staged: what follows is the publication.
  size_t first = step.operations.size();
  size_t logs = 0;
  for (int marks = 0; marks < 2; --first) {
    const auto& operation = step.operations[first - 1];
    marks += operation.kind == testing::FileOperation::Kind::kMark ? 1 : 0;
    logs +=
        operation.kind == testing::FileOperation::Kind::kCreate && operation.path.ends_with(".log")
            ? 1
            : 0;
  }
  ASSERT_GE(logs, 2u) << "the publication fits into one log: make it larger";
  for (const Loss loss : {Loss::kUnsynced, Loss::kSome}) {
    for (int i = 0; i < kCrashes; ++i) {
      // The end in any case: it was acknowledged.
      const size_t at =
          i == 0 ? step.operations.size() : first + random() % (step.operations.size() - first);
      harness.CheckCrash(step, at, loss, random());
      ASSERT_FALSE(HasFailure());
    }
  }
}

}  // namespace
}  // namespace footnote::retriever
