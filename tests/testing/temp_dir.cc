#include "tests/testing/temp_dir.h"

#include <cstdlib>
#include <string>

namespace footnote::testing {

TempDir::TempDir() {
  std::string name = (std::filesystem::temp_directory_path() / "footnote_test_XXXXXX").string();
  path_ = mkdtemp(name.data());
}

TempDir::~TempDir() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::filesystem::path DataDir() {
  return FOOTNOTE_TEST_DATA;  // not __FILE__, which ccache may make relative to the build folder
}

std::filesystem::path CachedModel(const std::string& name) {
  const char* cache = std::getenv("FOOTNOTE_CACHE");
  const char* home = std::getenv("HOME");
  std::filesystem::path root =
      cache != nullptr ? std::filesystem::path(cache)
                       : std::filesystem::path(home != nullptr ? home : "/") / ".cache/footnote";
  std::filesystem::path folder = root / "models" / name;
  if (!std::filesystem::is_directory(folder)) return {};
  // A folder with one GGUF stands for that file.
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".gguf") return entry.path();
  }
  return folder;
}

}  // namespace footnote::testing
