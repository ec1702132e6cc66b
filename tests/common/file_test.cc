#include "common/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <thread>
#include <utility>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote {
namespace {

using footnote::testing::TempDir;

std::string Text(const MappedFile& file) {
  return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

TEST(File, WrittenBytesAreReadBackAndMapped) {
  TempDir dir;
  const std::string contents = std::string("a\0b\xFF\n", 5) + std::string(100000, 'x');
  ASSERT_OK(WriteFileAtomically(dir / "file", contents));
  ASSERT_OK_AND_ASSIGN(const std::string read, ReadFile(dir / "file"));
  EXPECT_EQ(read, contents);
  ASSERT_OK_AND_ASSIGN(MappedFile mapped, MappedFile::Open(dir / "file"));
  EXPECT_EQ(Text(mapped), contents);
  const MappedFile moved = std::move(mapped);
  EXPECT_EQ(Text(moved), contents);
}

TEST(File, ErrorsNameTheFile) {
  TempDir dir;
  EXPECT_STATUS(ReadFile(dir / "none"), kNotFound, "none");
  EXPECT_STATUS(MappedFile::Open(dir / "none"), kNotFound, "none");
  EXPECT_STATUS(ReadFile(dir.path()), kInvalidArgument, "is a folder");
  EXPECT_STATUS(MappedFile::Open(dir.path()), kInvalidArgument, "is a folder");
  ASSERT_OK(WriteFileAtomically(dir / "empty", ""));
  EXPECT_STATUS(MappedFile::Open(dir / "empty"), kInvalidArgument, "is empty");
  ASSERT_OK_AND_ASSIGN(const std::string empty, ReadFile(dir / "empty"));
  EXPECT_EQ(empty, "");
}

TEST(File, ReadRefusesMoreThanItMayTake) {
  TempDir dir;
  ASSERT_OK(WriteFileAtomically(dir / "file", "12345"));
  EXPECT_OK(ReadFile(dir / "file", 5));
  EXPECT_STATUS(ReadFile(dir / "file", 4), kResourceExhausted, "4 bytes");
}

TEST(File, FilesWithoutASizeAreReadToTheirEnd) {
  ASSERT_OK_AND_ASSIGN(const std::string status, ReadFile("/proc/self/status"));
  EXPECT_NE(status.find("Pid:"), std::string::npos);
}

TEST(File, AFifoIsRefusedWithoutWaitingForAWriter) {
  TempDir dir;
  ASSERT_EQ(mkfifo((dir / "fifo").c_str(), 0600), 0);
  EXPECT_STATUS(ReadFile(dir / "fifo"), kInvalidArgument, "not a regular file");
}

TEST(File, AFailedWriteLeavesNothingBehind) {
  TempDir dir;
  // A folder that is not empty cannot be replaced by a file.
  std::filesystem::create_directories(dir / "target" / "child");
  EXPECT_FALSE(WriteFileAtomically(dir / "target", "text").ok());
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(dir.path()),
                          std::filesystem::directory_iterator()),
            1);
  EXPECT_STATUS(WriteFileAtomically(dir / "no folder" / "file", "text"), kNotFound, "no folder");
}

TEST(AtomicFile, ReplacesTheOldOneWholeOrNotAtAll) {
  TempDir dir;
  ASSERT_OK(WriteFileAtomically(dir / "file", "old"));
  const auto names = [&] {
    return std::distance(std::filesystem::directory_iterator(dir.path()),
                         std::filesystem::directory_iterator());
  };
  {
    ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir / "file"));
    EXPECT_OK(file.Write("of this, nothing is to be seen"));
    EXPECT_EQ(names(), 2);
  }
  EXPECT_EQ(names(), 1);
  EXPECT_EQ(ReadFile(dir / "file").value(), "old");

  ASSERT_OK_AND_ASSIGN(AtomicFile file, AtomicFile::Create(dir / "file"));
  AtomicFile moved = std::move(file);
  EXPECT_OK(moved.Write("in "));
  EXPECT_EQ(ReadFile(dir / "file").value(), "old");
  EXPECT_OK(moved.Write("pieces"));
  EXPECT_OK(moved.Commit());
  EXPECT_EQ(ReadFile(dir / "file").value(), "in pieces");
  EXPECT_EQ(names(), 1);
}

TEST(File, AReaderSeesTheOldBytesOrTheNew) {
  TempDir dir;
  const std::string old_contents(50000, 'o');
  const std::string new_contents(70000, 'n');
  ASSERT_OK(WriteFileAtomically(dir / "file", old_contents));
  std::atomic<bool> done = false;
  std::thread writer([&] {
    for (int round = 0; round < 50; ++round) {
      EXPECT_OK(WriteFileAtomically(dir / "file", round % 2 == 0 ? new_contents : old_contents));
    }
    done = true;
  });
  while (!done) {
    const StatusOr<std::string> read = ReadFile(dir / "file");
    EXPECT_TRUE(read.ok() && (*read == old_contents || *read == new_contents));
  }
  writer.join();
}

TEST(File, FoldersAreMadeWithThoseAbove) {
  TempDir dir;
  ASSERT_OK(CreateFolders(dir / "a/b/c"));
  EXPECT_TRUE(std::filesystem::is_directory(dir / "a/b/c"));
  ASSERT_OK(CreateFolders(dir / "a/b/c"));
  ASSERT_OK(WriteFileAtomically(dir / "file", "text"));
  EXPECT_STATUS(CreateFolders(dir / "file"), kUnavailable, "file");
  EXPECT_STATUS(CreateFolders(dir / "file/below"), kUnavailable, "below");
}

TEST(File, WhatKilledWritersLeftIsRemovedAndNothingElse) {
  TempDir dir;
  for (const char* name : {".file.tmp.12.0", "file", ".hidden", "notes.tmp.1"}) {
    std::ofstream(dir / name) << "text";
  }
  RemoveTemporaryFiles(dir.path());
  EXPECT_FALSE(std::filesystem::exists(dir / ".file.tmp.12.0"));
  for (const char* name : {"file", ".hidden", "notes.tmp.1"}) {
    EXPECT_TRUE(std::filesystem::exists(dir / name)) << name;
  }
  ASSERT_OK(RemoveFile(dir / "file"));
  EXPECT_FALSE(std::filesystem::exists(dir / "file"));
  ASSERT_OK(RemoveFile(dir / "file"));
}

}  // namespace
}  // namespace footnote
