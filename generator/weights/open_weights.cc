#include <vector>

#include "generator/weights/gguf.h"
#include "generator/weights/hugging_face.h"
#include "generator/weights/weight_source.h"

namespace footnote::generator {

StatusOr<std::unique_ptr<WeightSource>> OpenWeights(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::is_directory(path, error)) return OpenGguf(path);
  if (std::filesystem::exists(path / "config.json", error)) {
    FOOTNOTE_ASSIGN_OR_RETURN(std::unique_ptr<HuggingFaceFolder> folder,
                              HuggingFaceFolder::Open(path));
    return std::unique_ptr<WeightSource>(std::move(folder));
  }
  std::vector<std::filesystem::path> files;
  for (std::filesystem::directory_iterator entry(path, error), end; !error && entry != end;
       entry.increment(error)) {
    if (entry->path().extension() == ".gguf") files.push_back(entry->path());
  }
  if (error) return ErrnoError("cannot list \"" + path.string() + "\"", error.value());
  if (files.size() == 1) return OpenGguf(files.front());
  return NotFoundError("\"" + path.string() + "\" has no config.json and " +
                       (files.empty() ? "no .gguf file" : "several .gguf files; name one of them"));
}

}  // namespace footnote::generator
