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

// Builders list a layer's tensors before they look for them; a number that no file backs must not
// make them list millions.
Status CheckLayers(const WeightSource& source, const std::string& architecture) {
  const bool gguf = source.format() == WeightFormat::kGguf;
  for (const std::string& key :
       gguf ? std::vector<std::string>{architecture + ".block_count"}
            : std::vector<std::string>{"num_hidden_layers", "n_layer", "n_layers"}) {
    if (!source.Has(key)) continue;
    const StatusOr<int64_t> layers = source.GetInt(key);  // the builder says what is wrong with it
    const auto tensors = static_cast<int64_t>(source.tensors().size());
    if (layers.ok() && *layers > tensors) {
      return DataLossError(source.description() + ": '" + key + "' says " +
                           std::to_string(*layers) + " layers, but there are only " +
                           std::to_string(tensors) + " tensors; fetch the model again");
    }
  }
  return OkStatus();
}

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
  FOOTNOTE_RETURN_IF_ERROR(CheckLayers(source, name));
  std::string known;
  for (const Entry& entry : kArchitectures) {
    if (entry.name == name) return entry.build(source);
    known += (known.empty() ? "" : ", ") + std::string(entry.name);
  }
  return UnimplementedError(source.description() + ": architecture '" + name +
                            "' is not supported (supported: " + known + ")");
}

}  // namespace footnote::generator
