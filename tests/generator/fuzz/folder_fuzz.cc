// Hugging Face folders: config.json, the index of shards, the header of one safetensors file (its
// data are zeros) and tokenizer_config.json (parts of the input, in this order; an empty index
// leaves it out), and the network that they describe.
#include <cstring>

#include <nlohmann/json.hpp>

#include "generator/weights/hugging_face.h"
#include "tests/generator/fuzz/mutate.h"

using namespace footnote::generator;

namespace {

constexpr uint64_t kMostData = 1 << 20;

// The file that a header describes, as far as it is not absurd.
std::string Safetensors(const std::string& header) {
  uint64_t end = 0;
  const nlohmann::json parsed = nlohmann::json::parse(header, nullptr, false);
  if (parsed.is_object()) {
    for (const auto& tensor : parsed) {
      if (!tensor.is_object() || !tensor.contains("data_offsets")) continue;
      const nlohmann::json& offsets = tensor["data_offsets"];
      if (offsets.is_array() && offsets.size() == 2 && offsets[1].is_number_unsigned()) {
        end = std::max(end, std::min(offsets[1].get<uint64_t>(), kMostData));
      }
    }
  }
  const uint64_t length = header.size();
  std::string file(8, '\0');
  std::memcpy(file.data(), &length, 8);
  file += header;
  file.append(end, '\0');
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> parts = fuzz::SplitParts({reinterpret_cast<const char*>(data), size});
  parts.resize(4);
  fuzz::WriteInFolder("config.json", parts[0]);
  const bool index = !parts[1].empty();
  const auto drop = [](const char* name) { std::filesystem::remove(fuzz::Folder() / name); };
  if (index) {
    drop("model.safetensors");
    fuzz::WriteInFolder("model.safetensors.index.json", parts[1]);
  } else {
    drop("model.safetensors.index.json");
  }
  fuzz::WriteInFolder(index ? "one.safetensors" : "model.safetensors", Safetensors(parts[2]));
  fuzz::WriteInFolder("tokenizer_config.json", parts[3]);
  const auto folder = HuggingFaceFolder::Open(fuzz::Folder());
  if (folder.ok()) fuzz::UseAll(**folder);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  std::vector<std::string> parts = fuzz::SplitParts({reinterpret_cast<const char*>(data), size});
  std::string& part = parts[seed / 16 % parts.size()];
  part = fuzz::MutateJson(part, part.size() + 256, seed);
  return fuzz::Return(fuzz::JoinParts(parts), data, max_size);
}
