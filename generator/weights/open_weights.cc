#include <vector>

#include "generator/weights/gguf.h"
#include "generator/weights/gguf_split.h"
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
  FOOTNOTE_ASSIGN_OR_RETURN(const std::vector<std::filesystem::path> models, GgufModelsIn(path));
  if (models.size() == 1) return OpenGguf(models.front());
  return NotFoundError(
      "\"" + path.string() + "\" has no config.json and " +
      (models.empty() ? "no .gguf file" : "several .gguf models; name one of them"));
}

}  // namespace footnote::generator
