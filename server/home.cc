#include "server/home.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <vector>

#include "common/file.h"
#include "common/sha256.h"

namespace footnote::server {
namespace fs = std::filesystem;
namespace {

fs::path FromEnvironment(const char* variable, const char* below_home) {
  if (const char* value = std::getenv(variable); value != nullptr && *value != '\0') return value;
  const char* home = std::getenv("HOME");
  return fs::path(home != nullptr && *home != '\0' ? home : "/") / below_home;
}

// The first file with this extension in a folder of the model cache.
StatusOr<fs::path> FindInCache(const char* folder, const char* extension, const char* what,
                               const char* flag) {
  const fs::path path = CacheDir() / "models" / folder;
  std::error_code error;
  if (fs::is_directory(path, error)) {
    if (*extension == '\0') return path;
    std::vector<fs::path> found;
    for (const auto& entry : fs::directory_iterator(path, error)) {
      if (entry.path().extension() == extension) found.push_back(entry.path());
    }
    std::sort(found.begin(), found.end());
    if (!found.empty()) return found.front();
  }
  return NotFoundError(std::string("the default ") + what + " is not in " + path.string() +
                       ": run tools/fetch_models.sh, or name a model with " + flag);
}

// What decides a folder's results; README and images do not.
bool DecidesResults(const fs::path& file) {
  const std::string extension = file.extension().string();
  return extension == ".safetensors" || extension == ".json" || extension == ".txt" ||
         extension == ".gguf" || extension == ".model";
}

StatusOr<std::vector<fs::path>> FilesOf(const fs::path& model) {
  std::error_code error;
  if (fs::is_regular_file(model, error)) return std::vector<fs::path>{model};
  if (!fs::is_directory(model, error)) {
    return NotFoundError("there is no model at " + model.string() +
                         ": give a .gguf file or a Hugging Face folder");
  }
  std::vector<fs::path> files;
  for (auto entry = fs::recursive_directory_iterator(model, error);
       entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    if (error) return UnavailableError("cannot list " + model.string() + ": " + error.message());
    if (entry->is_regular_file() && DecidesResults(entry->path())) files.push_back(entry->path());
  }
  std::sort(files.begin(), files.end());
  if (files.empty()) return NotFoundError("the folder " + model.string() + " holds no model files");
  return files;
}

// Changes when a file does: path, size, time of change in nanoseconds.
StatusOr<std::string> StampOf(const fs::path& file) {
  struct stat info {};
  if (stat(file.c_str(), &info) != 0) return ErrnoError("cannot read " + file.string(), errno);
  return file.string() + "|" + std::to_string(info.st_size) + "|" +
         std::to_string(info.st_mtim.tv_sec) + "." + std::to_string(info.st_mtim.tv_nsec);
}

}  // namespace

fs::path HomeDir() { return FromEnvironment("FOOTNOTE_HOME", ".local/share/footnote"); }
fs::path CorporaRoot() { return HomeDir() / "corpora"; }
fs::path ProfilesDir() {
  std::error_code error;
  const fs::path program = fs::read_symlink("/proc/self/exe", error);
  return program.parent_path().parent_path() / "share/footnote/profiles";
}
fs::path CacheDir() { return FromEnvironment("FOOTNOTE_CACHE", ".cache/footnote"); }

StatusOr<fs::path> DefaultGeneratorPath() {
  return FindInCache("smollm2-135m-instruct", ".gguf", "generator (SmolLM2-135M-Instruct)",
                     "--generator");
}
StatusOr<fs::path> DefaultEmbedderPath() {
  return FindInCache("all-minilm-l6-v2", "", "embedder (all-MiniLM-L6-v2)", "--embedder");
}

StatusOr<std::string> ModelSha256(const fs::path& model) {
  std::error_code error;
  const fs::path absolute = fs::weakly_canonical(model, error);
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<fs::path> files, FilesOf(error ? model : absolute));
  std::string stamp;
  for (const fs::path& file : files) {
    FOOTNOTE_ASSIGN_OR_RETURN(const std::string one, StampOf(file));
    stamp += one + "\n";
  }
  const fs::path memo_path =
      CacheDir() / "model_digests" / (Sha256Hex(stamp).substr(0, 32) + ".txt");
  if (StatusOr<std::string> memo = ReadFile(memo_path, 1024); memo.ok() && memo->size() == 64)
    return *memo;

  std::string digest;
  if (files.size() == 1) {
    FOOTNOTE_ASSIGN_OR_RETURN(digest, Sha256HexOfFile(files.front()));
  } else {
    // Of names and contents, so that a moved folder keeps its identity.
    Sha256 all;
    for (const fs::path& file : files) {
      FOOTNOTE_ASSIGN_OR_RETURN(const std::string one, Sha256HexOfFile(file));
      all.Update(fs::relative(file, absolute, error).string() + " " + one + "\n");
    }
    digest = all.FinishHex();
  }
  // A cache that cannot be written costs time, not correctness.
  fs::create_directories(memo_path.parent_path(), error);
  if (!error) WriteFileAtomically(memo_path, digest).IgnoreError();
  return digest;
}

}  // namespace footnote::server
