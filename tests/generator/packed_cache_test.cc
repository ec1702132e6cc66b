// PackedCache: what the next start finds, and what it must not take for its own.
#include "generator/runtime/packed_cache.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

#include "generator/model.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

namespace fs = std::filesystem;

size_t FilesIn(const fs::path& folder) {
  size_t count = 0;
  for ([[maybe_unused]] const auto& entry : fs::directory_iterator(folder)) ++count;
  return count;
}

void Fill(const fs::path& folder, const std::string& identity, char value) {
  PackedCache cache(folder, "model", identity);
  const auto memory = cache.Map(1000);
  ASSERT_OK(memory);
  EXPECT_FALSE(memory->packed);
  std::memset(memory->data, value, 1000);
  ASSERT_OK(cache.Publish());
}

TEST(PackedCache, TheNextStartFindsWhatWasPublished) {
  const testing::TempDir dir;
  Fill(dir.path() / "cache", "one", 'x');
  PackedCache cache(dir.path() / "cache", "model", "one");
  const auto memory = cache.Map(1000);
  ASSERT_OK(memory);
  EXPECT_TRUE(memory->packed);
  EXPECT_EQ(memory->data[0], 'x');
  EXPECT_EQ(memory->data[999], 'x');
  EXPECT_OK(cache.Publish());
  EXPECT_EQ(FilesIn(dir.path() / "cache"), 1u);
}

TEST(PackedCache, WhatWasNotPublishedIsGone) {
  const testing::TempDir dir;
  {
    PackedCache cache(dir.path(), "model", "one");
    ASSERT_OK(cache.Map(1000));
  }
  EXPECT_EQ(FilesIn(dir.path()), 0u);
}

TEST(PackedCache, AnotherIdentitySizeOrDamageIsPackedAgain) {
  const testing::TempDir dir;
  Fill(dir.path(), "one", 'x');
  {
    PackedCache other(dir.path(), "model", "two");
    const auto memory = other.Map(1000);
    ASSERT_OK(memory);
    EXPECT_FALSE(memory->packed);
  }
  PackedCache cache(dir.path(), "model", "one");
  {
    PackedCache larger(dir.path(), "model", "one");
    const auto memory = larger.Map(2000);
    ASSERT_OK(memory);
    EXPECT_FALSE(memory->packed);
  }
  fs::resize_file(cache.path(), 4500);
  {
    PackedCache cut(dir.path(), "model", "one");
    const auto memory = cut.Map(1000);
    ASSERT_OK(memory);
    EXPECT_FALSE(memory->packed);
  }
  std::ofstream(cache.path(), std::ios::trunc) << "short";
  const auto memory = cache.Map(1000);
  ASSERT_OK(memory);
  EXPECT_FALSE(memory->packed);
}

TEST(PackedCache, WhatCannotBeKeptIsAnErrorAndStaysUsable) {
  const testing::TempDir dir;
  PackedCache cache(dir.path() / "cache", "model", "one");
  const auto memory = cache.Map(1000);
  ASSERT_OK(memory);
  fs::remove_all(dir.path() / "cache");
  EXPECT_STATUS(cache.Publish(), kNotFound, "cannot finish");
  memory->data[999] = 'x';
  EXPECT_EQ(memory->data[999], 'x');
}

TEST(PackedCache, TwoWritersDoNotMix) {
  const testing::TempDir dir;
  PackedCache first(dir.path(), "model", "one"), second(dir.path(), "model", "one");
  ASSERT_OK(first.Map(1000));
  EXPECT_STATUS(second.Map(1000), kFailedPrecondition, "another process is writing");
  ASSERT_OK(first.Publish());
  const auto memory = second.Map(1000);
  ASSERT_OK(memory);
  EXPECT_TRUE(memory->packed);
}

TEST(PackedCache, AFolderThatCannotBeMadeAndADiskThatIsTooSmallAreErrors) {
  const testing::TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  PackedCache nowhere(dir.path() / "file" / "folder", "model", "one");
  EXPECT_FALSE(nowhere.Map(1000).ok());
  PackedCache huge(dir.path(), "model", "one");
  EXPECT_STATUS(huge.Map(size_t{1} << 50), kResourceExhausted, "less than twice the");
  EXPECT_EQ(FilesIn(dir.path()), 1u);
}

// What a changed model left behind goes with the next file; what still fits, or is no packed file,
// stays.
TEST(PackedCache, StaleFilesGoWhenANewOneIsKept) {
  const testing::TempDir dir;
  const fs::path cache = dir.path() / "cache", changed = dir.path() / "changed model",
                 same = dir.path() / "same";
  std::ofstream(changed) << "model";
  std::ofstream(same) << "model";
  Fill(cache, FilesIdentity({changed}) + "avx2 fast", 'x');
  Fill(cache, FilesIdentity({same, changed}) + "avx2 fast", 'y');
  Fill(cache, FilesIdentity({same}) + "avx2 fast", 'z');
  std::ofstream(cache / "notes.packed") << "my own";
  EXPECT_EQ(FilesIn(cache), 4u);
  std::ofstream(changed, std::ios::app) << "more";
  Fill(cache, FilesIdentity({same}) + "avx512 fast", 'z');
  EXPECT_EQ(FilesIn(cache), 3u) << "two of `same`, and the notes";
  Fill(cache, FilesIdentity({changed}) + "avx2 fast", 'x');
  fs::remove(same);
  Fill(cache, FilesIdentity({changed}) + "avx512 fast", 'x');
  EXPECT_EQ(FilesIn(cache), 3u) << "two of `changed`, and the notes";
}

TEST(PackedCache, IsFoundByChoiceThenVariableThenForLargeModels) {
  const auto set = [](const char* name, const char* value) {
    value == nullptr ? ::unsetenv(name) : ::setenv(name, value, 1);
  };
  set("FOOTNOTE_CACHE", "/cache");
  set("FOOTNOTE_PACKED_CACHE", nullptr);
  EXPECT_EQ(FindPackedCache("").folder, "/cache/packed");
  EXPECT_EQ(FindPackedCache("").least_bytes, size_t{1} << 30);
  EXPECT_EQ(FindPackedCache("/chosen").folder, "/chosen");
  EXPECT_EQ(FindPackedCache("/chosen").least_bytes, 0u);
  set("FOOTNOTE_PACKED_CACHE", "/named");
  EXPECT_EQ(FindPackedCache("").folder, "/named");
  EXPECT_EQ(FindPackedCache("").least_bytes, 0u);
  set("FOOTNOTE_PACKED_CACHE", "off");
  EXPECT_EQ(FindPackedCache("").folder, "");
  set("FOOTNOTE_PACKED_CACHE", nullptr);
}

// A whole model: the second load reads the file, and says the same.
TEST(PackedCache, AModelLoadsFromIt) {
  const testing::TempDir dir;
  const fs::path model = testing::DataDir() / "models" / "tiny-llama";
  ModelOptions plain, cached;
  cached.packed_cache = dir.path() / "packed";
  const std::vector<TokenId> ids = {1, 5, 9, 2, 30};
  const auto without = Model::Load(model, plain);
  ASSERT_OK(without);
  const auto wanted = (*without)->Logits(ids);
  ASSERT_OK(wanted);
  for (int start = 0; start < 2; ++start) {
    const auto loaded = Model::Load(model, cached);
    ASSERT_OK(loaded);
    EXPECT_EQ((*loaded)->info().packed_cache_problem, "");
    EXPECT_EQ(*(*loaded)->Logits(ids), *wanted);
  }
  EXPECT_EQ(FilesIn(cached.packed_cache), 1u);
}

}  // namespace
}  // namespace footnote::generator
