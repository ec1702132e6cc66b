#include "generator/model.h"

#include <algorithm>

#include "generator/runtime/loaded_model.h"

namespace footnote::generator {

std::vector<std::string> DevicesNamed(const std::string& device) {
  constexpr std::string_view kPrefix = "cuda:";
  if (!device.starts_with(kPrefix) || device.find(',') == std::string::npos) return {device};
  std::vector<std::string> names;
  for (size_t begin = kPrefix.size(); begin <= device.size();) {
    const size_t end = std::min(device.find(',', begin), device.size());
    names.push_back(std::string(kPrefix) + device.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

StatusOr<std::shared_ptr<const Model>> Model::Load(const std::filesystem::path& path,
                                                   const ModelOptions& options) {
  FOOTNOTE_ASSIGN_OR_RETURN(std::shared_ptr<const LoadedModel> model,
                            LoadedModel::Load(path, options));
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace footnote::generator
