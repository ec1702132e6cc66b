#include "generator/model.h"

#include "generator/runtime/loaded_model.h"

namespace footnote::generator {

StatusOr<std::shared_ptr<const Model>> Model::Load(const std::filesystem::path& path,
                                                   const ModelOptions& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const LoadedModel> model,
                            LoadedModel::Load(path, options));
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace footnote::generator
