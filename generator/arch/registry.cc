// From a file's own name of its architecture to the builder of arch.def.

#include "generator/arch/network.h"

namespace footnote::generator {
namespace {

struct Entry {
  std::string_view name;
  StatusOr<Network> (*build)(const WeightSource&);
};

constexpr Entry kArchitectures[] = {
#define FOOTNOTE_ARCHITECTURE(name, builder) {#name, &builder},
#include "generator/arch/arch.def"
#undef FOOTNOTE_ARCHITECTURE
};

}  // namespace

StatusOr<std::string> ArchitectureName(const WeightSource& source) {
  const char* key = source.format() == WeightFormat::kGguf ? "general.architecture" : "model_type";
  if (!source.Has(key)) {
    return DataLossError(source.description() + ": the key '" + key +
                         "', which names the architecture, is missing");
  }
  return source.GetString(key);
}

StatusOr<Network> BuildNetwork(const WeightSource& source) {
  FOOTNOTE_ASSIGN_OR_RETURN(const std::string name, ArchitectureName(source));
  if (source.tensors().empty()) {
    return NotFoundError(source.description() +
                         " holds a vocabulary only, no weights; use a file with weights");
  }
  std::string known;
  for (const Entry& entry : kArchitectures) {
    if (entry.name == name) return entry.build(source);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  return UnimplementedError(source.description() + ": architecture '" + name +
                            "' is not supported (supported: " + known + ")");
}

}  // namespace footnote::generator
