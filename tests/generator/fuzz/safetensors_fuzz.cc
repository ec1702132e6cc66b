// Safetensors files alone: the length, the header and where the tensors lie.
#include "generator/weights/safetensors.h"

#include <cstdlib>
#include <cstring>

#include "tests/generator/fuzz/mutate.h"

using namespace footnote::generator;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  TensorTable table;
  if (!ReadSafetensors(std::as_bytes(std::span(data, size)), table).ok()) return 0;
  unsigned sum = 0;
  for (const StoredTensor& tensor : table.tensors()) {
    for (const std::byte byte : tensor.bytes) sum += static_cast<unsigned>(byte);
    if (tensor.elements() < 0) std::abort();
  }
  volatile unsigned kept = sum;
  static_cast<void>(kept);
  return 0;
}

// The header as JSON, before which its length is put again (most of the time).
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  const std::string file(reinterpret_cast<const char*>(data), size);
  uint64_t length = 0;
  if (size >= 8) std::memcpy(&length, data, 8);
  if (size < 8 || length > size - 8 || seed % 16 == 0) {
    return fuzz::Return(fuzz::MutateJson(file, size + 64, seed), data, max_size);
  }
  const std::string header = fuzz::MutateJson(file.substr(8, length), length + 256, seed);
  const uint64_t new_length = header.size() + (seed % 17 == 0 ? 1 : 0);
  std::string mutated(8, '\0');
  std::memcpy(mutated.data(), &new_length, 8);
  return fuzz::Return(mutated + header + file.substr(8 + length), data, max_size);
}
