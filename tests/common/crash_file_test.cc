// Files and folders of common/file.h after a kill, a loss of power, an error of the disk, at each
// operation that they consist of.
#include <gtest/gtest.h>

#include <cerrno>

#include "common/file.h"
#include "tests/faults/file_faults.h"
#include "tests/faults/simulated_disk.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

using testing::Describe;
using testing::FileFaults;
using testing::FileOperation;
using testing::Loss;
using testing::SimulatedDisk;
using testing::TempDir;

constexpr int kSeeds = 20;

// Makes a new folder with a file, and gives the file new bytes.
Status Write(const std::filesystem::path& disk) {
  FOOTNOTE_RETURN_IF_ERROR(CreateFolders(disk / "new/folder"));
  FOOTNOTE_RETURN_IF_ERROR(WriteFileAtomically(disk / "new/folder/file", "old bytes"));
  FileFaults::Mark("old");
  FOOTNOTE_RETURN_IF_ERROR(WriteFileAtomically(disk / "new/folder/file", "the new bytes"));
  FileFaults::Mark("new");
  return OkStatus();
}

TEST(CrashFile, LeavesTheOldBytesOrTheNewAndWhatReturnedStays) {
  const TempDir dir;
  std::filesystem::create_directory(dir / "live");
  FileFaults::Watch(dir / "live", /*record=*/true);
  const Status status = Write(dir / "live");
  const std::vector<FileOperation> operations = FileFaults::Stop();
  ASSERT_OK(status);
  const TempDir empty;
  for (size_t cut = 0; cut <= operations.size(); ++cut) {
    SimulatedDisk disk(empty.path());
    int marks = 0;
    for (size_t i = 0; i < cut; ++i) {
      disk.Apply(operations[i]);
      marks += operations[i].kind == FileOperation::Kind::kMark ? 1 : 0;
    }
    for (const Loss loss : {Loss::kNone, Loss::kUnsynced, Loss::kSome}) {
      for (int seed = 0; seed < (loss == Loss::kSome ? kSeeds : 1); ++seed) {
        SCOPED_TRACE(std::to_string(cut) + ", loss " + std::to_string(static_cast<int>(loss)) +
                     ", seed " + std::to_string(seed));
        const TempDir found;
        disk.WriteTo(found / "disk", loss, static_cast<uint64_t>(seed));
        const StatusOr<std::string> bytes = ReadFile(found / "disk/new/folder/file");
        if (!bytes.ok()) {
          EXPECT_EQ(marks, 0) << bytes.status().ToString();
          continue;
        }
        EXPECT_TRUE((*bytes == "old bytes" && marks < 2) || *bytes == "the new bytes") << *bytes;
      }
    }
  }
}

TEST(CrashFile, AFailingDiskIsToldWithFileAndRemedyAndNothingIsLeftBehind) {
  for (const int error : {EIO, ENOSPC}) {
    for (const bool lasting : {false, true}) {
      for (uint64_t at = 1;; ++at) {
        const TempDir dir;
        FileFaults::Watch(dir.path());
        FileFaults::Fail({at, error, lasting});
        const Status status = Write(dir.path());
        const std::string failed = FileFaults::Failed();
        FileFaults::Stop();
        if (failed.empty()) break;
        SCOPED_TRACE(failed + ": " + status.ToString());
        EXPECT_EQ(StatusCodeName(status.code()),
                  error == EIO ? "UNAVAILABLE" : "RESOURCE_EXHAUSTED");
        EXPECT_NE(status.message().find(dir.path().string()), std::string::npos);
        EXPECT_NE(status.message().find("run the command again"), std::string::npos);
        const auto bytes = ReadFile(dir / "new/folder/file");
        if (bytes.ok()) {
          EXPECT_TRUE(*bytes == "old bytes" || *bytes == "the new bytes") << *bytes;
        }
        // A disk on which nothing works does not let the temporary file be removed either.
        if (lasting && error == EIO) continue;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(dir.path())) {
          EXPECT_EQ(entry.path().string().find(".tmp."), std::string::npos) << entry.path();
        }
      }
    }
  }
}

}  // namespace
}  // namespace footnote
