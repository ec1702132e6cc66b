#include "server/import_spool.h"

#include <gtest/gtest.h>

#include "common/file.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::server {
namespace {

namespace fs = std::filesystem;

TEST(ImportSpool, KeepsFilesAsTheyCameAndRemovesThemWithItself) {
  testing::TempDir dir;
  fs::path folder;
  {
    ImportSpool spool(dir.path(), 1000);
    folder = spool.folder();
    ASSERT_OK(spool.BeginFile("a/b.txt"));
    ASSERT_OK(spool.Append("one "));
    ASSERT_OK(spool.Append("two"));
    ASSERT_OK(spool.BeginFile("c.md"));
    ASSERT_OK(spool.Close());
    EXPECT_EQ(*ReadFile(folder / "a/b.txt", 100), "one two");
    EXPECT_EQ(*ReadFile(folder / "c.md", 100), "");
  }
  EXPECT_FALSE(fs::exists(folder));
}

TEST(ImportSpool, NoNameLeavesTheFolder) {
  testing::TempDir dir;
  ImportSpool spool(dir.path(), 1000);
  for (const std::string name : {"", "/etc/passwd", "../x", "a/../../x", "a//b", ".hidden",
                                 "a/.hidden/b", "a\\b", "a/", "a\nb", "caf\xE9.txt"}) {
    EXPECT_EQ(spool.BeginFile(name).code(), StatusCode::kInvalidArgument) << name;
  }
  EXPECT_EQ(spool.BeginFile(std::string("a\0b", 3)).code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(spool.BeginFile(std::string(300, 'x')).code(), StatusCode::kInvalidArgument);
  ASSERT_OK(spool.BeginFile("Straße/übersicht v1.2.md"));
}

TEST(ImportSpool, RefusesWhatIsTooLargeOrOutOfOrder) {
  testing::TempDir dir;
  ImportSpool spool(dir.path(), 10);
  EXPECT_EQ(spool.Close().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(spool.Append("x").code(), StatusCode::kInvalidArgument);
  ASSERT_OK(spool.BeginFile("a"));
  ASSERT_OK(spool.Append("0123456789"));
  EXPECT_EQ(spool.BeginFile("a").code(), StatusCode::kAlreadyExists);
  ASSERT_OK(spool.BeginFile("b"));
  EXPECT_EQ(spool.Append("1").code(), StatusCode::kResourceExhausted);
}

TEST(ImportSpool, RemovesWhatDeadServersLeft) {
  testing::TempDir dir;
  // Above the largest pid that Linux gives.
  fs::create_directories(dir.path() / "999999999-1");
  fs::create_directories(dir.path() / "1-7");  // pid 1 is alive
  fs::create_directories(dir.path() / "notes");
  ImportSpool::RemoveAbandoned(dir.path());
  EXPECT_FALSE(fs::exists(dir.path() / "999999999-1"));
  EXPECT_TRUE(fs::exists(dir.path() / "1-7"));
  EXPECT_TRUE(fs::exists(dir.path() / "notes"));
}

}  // namespace
}  // namespace footnote::server
