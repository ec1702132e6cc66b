#include "indexer/pipeline/discover.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::indexer {
namespace {

namespace fs = std::filesystem;

TEST(DiscoverFiles, FindsRegularFilesInOrderAndNothingHidden) {
  const testing::TempDir folder;
  fs::create_directories(folder / "b/inner");
  fs::create_directories(folder / ".git");
  for (const char* name : {"c.txt", "b/z.md", "b/inner/a.md", ".hidden", ".git/config"}) {
    std::ofstream(folder / name) << "12345";
  }
  fs::create_symlink(folder / "c.txt", folder / "link.txt");
  fs::create_directory_symlink(folder.path(), folder / "b/loop");
  ASSERT_OK_AND_ASSIGN(const Discovery found, DiscoverFiles({folder.path(), folder / "c.txt"}));
  std::vector<std::string> names;
  for (const DiscoveredFile& file : found.files) names.push_back(file.relative_path);
  EXPECT_EQ(names, (std::vector<std::string>{"b/inner/a.md", "b/z.md", "c.txt", "c.txt"}));
  EXPECT_EQ(found.bytes, 20u);
}

TEST(DiscoverFiles, FollowsALinkThatIsASourceItself) {
  const testing::TempDir folder;
  fs::create_directory(folder / "real");
  std::ofstream(folder / "real/a.txt") << "x";
  fs::create_directory_symlink(folder / "real", folder / "link");
  ASSERT_OK_AND_ASSIGN(const Discovery found, DiscoverFiles({folder / "link"}));
  ASSERT_EQ(found.files.size(), 1u);
  EXPECT_EQ(found.files[0].relative_path, "a.txt");
}

TEST(DiscoverFiles, NamesASourceThatDoesNotExist) {
  EXPECT_STATUS(DiscoverFiles({"/nonexistent/corpus"}), kNotFound, "/nonexistent/corpus");
}

}  // namespace
}  // namespace footnote::indexer
