// GGUF files: header, metadata, tensors, and the network that they describe.
#include "generator/weights/gguf.h"

#include "tests/generator/fuzz/mutate.h"

using footnote::generator::GgufPart;
using footnote::generator::ParseGguf;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  for (const GgufPart part : {GgufPart::kMetadata, GgufPart::kAll}) {
    const auto source = ParseGguf(bytes, "fuzz.gguf", part);
    if (source.ok()) footnote::generator::fuzz::UseAll(**source);
  }
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  return footnote::generator::fuzz::MutateGguf(data, size, max_size, seed);
}
