// Vocabularies in GGUF metadata, and tokenizing with them.
#include "generator/tokenizer.h"
#include "tests/generator/fuzz/mutate.h"
#include "tests/generator/fuzz/use_tokenizer.h"

using namespace footnote::generator;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::WriteInFolder("fuzz.gguf", {reinterpret_cast<const char*>(data), size});
  const auto tokenizer = Tokenizer::Load(fuzz::Folder() / "fuzz.gguf");
  if (tokenizer.ok()) fuzz::UseTokenizer(**tokenizer);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  return fuzz::MutateGguf(data, size, max_size, seed);
}
