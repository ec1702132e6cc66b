// Runs the scenario once, recorded, and then as it would have been cut short at any operation: by
// a kill, by a loss of power, by an error of the disk. Says what is wrong with what is left.
//
// Every call of the corpus must be atomic and durable: what is found is what was there when the
// last call returned, or what the call that was cut short would have left. A reader must be able
// to read it, and running the step again must end where the uninterrupted step ends.
#pragma once

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/faults/file_faults.h"
#include "tests/faults/simulated_disk.h"
#include "tests/retriever/corpus_dump.h"
#include "tests/retriever/corpus_scenario.h"

namespace footnote::retriever::testing {

using footnote::testing::Describe;
using footnote::testing::FileFaults;
using footnote::testing::FileOperation;
using footnote::testing::Loss;
using footnote::testing::SimulatedDisk;

// For what is drawn at random; FOOTNOTE_FAULTS_SEED repeats a run that failed.
inline uint64_t FaultsSeed(uint64_t otherwise) {
  const char* seed = std::getenv("FOOTNOTE_FAULTS_SEED");
  return seed != nullptr ? std::strtoull(seed, nullptr, 10) : otherwise;
}

inline const char* NameOf(Loss loss) {
  switch (loss) {
    case Loss::kNone:
      return "killed";
    case Loss::kUnsynced:
      return "power lost, with all that was not synced";
    case Loss::kSome:
      return "power lost, with some of what was not synced";
  }
  return "";
}

class CrashHarness {
 public:
  struct Step {
    ScenarioStep scenario;
    std::filesystem::path before;                  // the disk as the step finds it
    std::vector<FileOperation> operations;         // a mark for each call that returned
    std::vector<std::optional<CorpusDump>> dumps;  // before the step, then after each call
    uint64_t start_generation = 0;
    uint64_t count = 0;                 // of operations that count
    std::vector<std::string> searches;  // after the step
    std::filesystem::path corpora;      // after the last step

    const CorpusDump& after() const { return *dumps.back(); }
  };

  explicit CrashHarness(const std::vector<ScenarioStep>& scenario = ScenarioSteps()) {
    for (const ScenarioStep& step : scenario) {
      Record(step);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }

  const std::vector<Step>& steps() const { return steps_; }
  // Checks made so far.
  int checked() const { return checked_; }
  // One more, of the corpora's folder when the step was run again to its end.
  std::function<void(const std::filesystem::path& corpora)> check_end;

  // A crash before operation `index` of the step, or in the middle of it when it is a write.
  void CheckCrash(const Step& step, size_t index, Loss loss, uint64_t seed) {
    SimulatedDisk disk(step.before);
    size_t calls = 0;
    for (size_t i = 0; i < index; ++i) {
      disk.Apply(step.operations[i]);
      if (step.operations[i].kind == FileOperation::Kind::kMark) ++calls;
    }
    if (index < step.operations.size() &&
        step.operations[index].kind == FileOperation::Kind::kWrite) {
      disk.ApplyHalf(step.operations[index]);
    }
    const std::string where =
        std::string("step \"") + step.scenario.name + "\", " + NameOf(loss) + " at operation " +
        std::to_string(index) + " of " + std::to_string(step.operations.size()) + " (" +
        (index < step.operations.size() ? Describe(step.operations[index]) : "the end") +
        "), after " + std::to_string(calls) + " calls, seed " + std::to_string(seed);
    SCOPED_TRACE(where);
    const TempDir folder;
    disk.WriteTo(folder / "disk", loss, seed);
    CheckWhatIsLeft(step, folder / "disk", calls, /*power_lost=*/loss != Loss::kNone);
  }

  // The step runs while its `at`th operation fails, and what comes of it. tries: how often a call
  // that failed is made, by the same writer. False when the step has no so many operations.
  bool CheckFault(const Step& step, const FileFaults::Fault& fault, int tries) {
    const TempDir folder;
    const std::filesystem::path disk = folder / "disk";
    std::filesystem::copy(step.before, disk, std::filesystem::copy_options::recursive);
    size_t calls = 0;
    ScenarioRun run = RunOf(step, disk);
    run.tries = tries;
    run.acknowledged = [&](const std::string&) { ++calls; };
    FileFaults::Watch(disk);
    FileFaults::Fail(fault);
    const Status status = step.scenario.run(run);
    const std::string failed = FileFaults::Failed();
    FileFaults::Stop();
    if (failed.empty()) return false;
    const std::string where =
        std::string("step \"") + step.scenario.name + "\", " +
        (fault.error == ENOSPC ? "the disk is full" : "an I/O error") +
        (fault.lasting ? " from" : " at") + " operation " + std::to_string(fault.at) + " (" +
        failed + ")" + (fault.lasting ? " on" : "") + ", calls made " + std::to_string(tries) +
        " times, after " + std::to_string(calls) + " calls: " + status.ToString();
    SCOPED_TRACE(where);
    if (status.ok()) {
      EXPECT_EQ(calls, step.dumps.size() - 1);
    } else {
      CheckMessage(status, disk);
    }
    CheckWhatIsLeft(step, disk, calls);
    return true;
  }

 private:
  static ScenarioRun RunOf(const Step& step, const std::filesystem::path& disk) {
    ScenarioRun run;
    run.root = disk / "corpora";
    run.start_generation = step.start_generation;
    return run;
  }

  static std::filesystem::path CorpusOn(const std::filesystem::path& disk) {
    return disk / "corpora" / kScenarioCorpus;
  }

  void Record(const ScenarioStep& scenario) {
    const std::filesystem::path live = home_ / "live";
    std::filesystem::create_directories(live);
    Step step;
    step.scenario = scenario;
    step.before = home_ / std::to_string(steps_.size());
    std::filesystem::copy(live, step.before, std::filesystem::copy_options::recursive);
    step.dumps.emplace_back();
    if (!steps_.empty()) {
      step.dumps.back() = steps_.back().after();
      step.start_generation = steps_.back().after().generation;
    }
    ScenarioRun run = RunOf(step, live);
    run.acknowledged = [&](const std::string& what) {
      FileFaults::Mark(what);
      StatusOr<CorpusDump> dump = DumpCorpus(CorpusOn(live));
      ASSERT_OK(dump);
      step.dumps.emplace_back(*std::move(dump));
    };
    FileFaults::Watch(live, /*record=*/true);
    const Status status = scenario.run(run);
    step.count = FileFaults::Count();
    step.operations = FileFaults::Stop();
    ASSERT_OK(status.WithContext(scenario.name));
    // The recording is whole: all of it gives what is on the disk.
    SimulatedDisk disk(step.before);
    for (const FileOperation& operation : step.operations) disk.Apply(operation);
    const TempDir replayed;
    disk.WriteTo(replayed / "disk", Loss::kNone);
    ExpectSameFiles(replayed / "disk", live);
    auto searches = SearchLines(live / "corpora", kScenarioCorpus, ScenarioQueries());
    ASSERT_OK(searches);
    step.searches = *std::move(searches);
    step.corpora = live / "corpora";
    steps_.push_back(std::move(step));
  }

  static void ExpectSameFiles(const std::filesystem::path& got, const std::filesystem::path& want) {
    const auto list = [](const std::filesystem::path& folder) {
      std::vector<std::string> files;
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
        std::string line = std::filesystem::relative(entry.path(), folder).string();
        if (entry.is_regular_file()) line += " " + Sha256HexOfFile(entry.path()).value();
        files.push_back(std::move(line));
      }
      std::sort(files.begin(), files.end());
      return files;
    };
    ASSERT_EQ(list(got), list(want)) << "file operations were not recorded";
  }

  static void CheckMessage(const Status& status, const std::filesystem::path& disk) {
    EXPECT_NE(status.message().find(disk.string()), std::string::npos)
        << "names no file: " << status.message();
    bool remedy = false;
    for (const char* part : {"run the command again", "free disk space", "try again"}) {
      remedy = remedy || status.message().find(part) != std::string::npos;
    }
    EXPECT_TRUE(remedy) << "names no remedy: " << status.message();
  }

  // `calls` of the step returned OK before it was cut short.
  void CheckWhatIsLeft(const Step& step, const std::filesystem::path& disk, size_t calls,
                       bool power_lost = false) {
    ++checked_;
    FileFaults::Watch(disk);  // no sync need wait for the real disk
    size_t known = calls;
    if (power_lost) {
      // What was staged since the last synced call may be lost, the latest first.
      const StatusOr<CorpusDump> found = DumpCorpus(CorpusOn(disk));
      while (found.ok() && known > 0 && !SameLines(step.dumps[known], *found) &&
             SamePublished(step.dumps[known - 1], step.dumps[calls])) {
        --known;
      }
      if (found.ok() && !SameLines(step.dumps[known], *found)) known = calls;
    }
    const std::optional<CorpusDump>& before = step.dumps[known];
    const std::optional<CorpusDump>& after = step.dumps[std::min(calls + 1, step.dumps.size() - 1)];
    CheckTables(step, disk, before, after);
    CheckReader(disk, before && before->generation != 0);

    ScenarioRun run = RunOf(step, disk);
    run.again = true;
    EXPECT_OK(step.scenario.run(run).WithContext("run again"));
    const StatusOr<CorpusDump> end = DumpCorpus(CorpusOn(disk));
    EXPECT_OK(end);
    if (end.ok()) {
      EXPECT_TRUE(*end == step.after())
          << "run again, it ends elsewhere:" << Difference(*end, step.after());
      EXPECT_FALSE(end->purge_pending);
    }
    auto searches = SearchLines(disk / "corpora", kScenarioCorpus, ScenarioQueries());
    EXPECT_OK(searches);
    if (searches.ok()) {
      EXPECT_EQ(*searches, step.searches);
    }
    CheckReader(disk, /*published=*/true);
    if (check_end) check_end(disk / "corpora");
    if (step.scenario.erased && end.ok()) CheckErased(step, disk, *end);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(disk)) {
      EXPECT_EQ(entry.path().filename().string().find(".tmp."), std::string::npos)
          << "left behind: " << entry.path();
    }
    FileFaults::Stop();
  }

  void CheckTables(const Step& step, const std::filesystem::path& disk,
                   const std::optional<CorpusDump>& before,
                   const std::optional<CorpusDump>& after) {
    const StatusOr<CorpusDump> found = DumpCorpus(CorpusOn(disk));
    if (!found.ok()) {
      // A corpus that no call has returned yet need not be one.
      EXPECT_FALSE(before.has_value()) << "unreadable: " << found.status().ToString();
      return;
    }
    const bool as_before = before ? *found == *before : found->lines.empty();
    EXPECT_TRUE(as_before || *found == *after)
        << "neither what was acknowledged nor what was being done; against what was acknowledged:"
        << Difference(*found, before.value_or(CorpusDump()))
        << "\n  against what was being done:" << Difference(*found, *after);
    // Erased, and not said that bytes may be left.
    const bool erased = step.scenario.erased && !Holds(as_before ? *before : *after);
    if (erased && !found->purge_pending) CheckErased(step, disk, *found);
  }

  static bool SameLines(const std::optional<CorpusDump>& dump, const CorpusDump& found) {
    return dump ? *dump == found : found.lines.empty();
  }

  // But for what is staged.
  static bool SamePublished(const std::optional<CorpusDump>& one,
                            const std::optional<CorpusDump>& other) {
    if (!one || !other) return one.has_value() == other.has_value();
    const auto published = [](const CorpusDump& dump) {
      const std::string staged = "table " + std::to_string(static_cast<int>(Table::kStaged)) + " ";
      std::vector<std::string> lines = dump.lines;
      std::erase_if(lines, [&](const std::string& line) { return line.starts_with(staged); });
      return lines;
    };
    return published(*one) == published(*other);
  }

  static bool Holds(const CorpusDump& dump) {
    return std::any_of(dump.lines.begin(), dump.lines.end(), [](const std::string& line) {
      return line.find(std::string("access/") + kSecretId) != std::string::npos ||
             line.find(std::string("b") + kSecretId) != std::string::npos;
    });
  }

  static void CheckErased(const Step& step, const std::filesystem::path& disk,
                          const CorpusDump& now) {
    for (const char* secret : {kSecretId, kSecretWord, kSecretPrincipal}) {
      EXPECT_THAT(FilesWith(disk, secret), ::testing::IsEmpty()) << "erased, but there: " << secret;
    }
    // Vectors tell of a text, too: the FAISS files of segments that held it.
    const CorpusDump& before = *step.dumps.front();
    for (const uint32_t segment : before.segments) {
      if (!Holds(before) || now.segments.contains(segment)) continue;
      const auto file = VectorFile(CorpusOn(disk), segment);
      EXPECT_FALSE(std::filesystem::exists(file)) << "erased, but there: " << file;
    }
  }

  // Each document whole, and everything in agreement.
  void CheckReader(const std::filesystem::path& disk, bool published) {
    auto corpus = Corpus::Open(disk / "corpora", kScenarioCorpus);
    if (!published && !corpus.ok()) {
      // Says that it must be made, or made to an end.
      const Status& status = corpus.status();
      EXPECT_TRUE(status.code() == StatusCode::kFailedPrecondition ||
                  status.code() == StatusCode::kNotFound)
          << status.ToString();
      EXPECT_NE(status.message().find("`footnote index`"), std::string::npos) << status.ToString();
      return;
    }
    EXPECT_OK(corpus);
    if (!corpus.ok()) return;
    auto ids = (*corpus)->DocumentIds();
    EXPECT_OK(ids);
    if (!ids.ok()) return;
    for (const std::string& id : *ids) {
      const auto document = (*corpus)->GetDocumentAsOwner(id);
      EXPECT_OK(document);
      if (document.ok()) {
        EXPECT_EQ(Sha256Hex(document->text), document->version) << id;
      }
    }
    auto findings = (*corpus)->Verify(nullptr);
    EXPECT_OK(findings);
    if (findings.ok()) {
      EXPECT_THAT(*findings, ::testing::IsEmpty());
    }
  }

  TempDir home_;
  std::vector<Step> steps_;
  int checked_ = 0;
};

}  // namespace footnote::retriever::testing
