// A folder of a test's own, gone when the test ends.
#pragma once

#include <filesystem>
#include <string>

namespace footnote::testing {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

// tests/data of the source tree.
std::filesystem::path DataDir();

// Cached model (see tools/fetch_models.sh), e.g. CachedModel("smollm2-135m-instruct"); empty when
// it was not fetched. Tests then GTEST_SKIP with a sentence, and tests/run.sh fetches first, so
// that nothing is skipped there.
std::filesystem::path CachedModel(const std::string& name);

}  // namespace footnote::testing
