// tokenizer.json, tokenizer_config.json and generation_config.json (parts of the input, in this
// order), and tokenizing with them.
#include "generator/tokenizer.h"
#include "tests/generator/fuzz/mutate.h"
#include "tests/generator/fuzz/use_tokenizer.h"

using namespace footnote::generator;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::vector<std::string> parts = fuzz::SplitParts({reinterpret_cast<const char*>(data), size});
  parts.resize(3, "{}");
  fuzz::WriteInFolder("tokenizer.json", parts[0]);
  fuzz::WriteInFolder("tokenizer_config.json", parts[1]);
  fuzz::WriteInFolder("generation_config.json", parts[2]);
  const auto tokenizer = Tokenizer::Load(fuzz::Folder());
  if (tokenizer.ok()) fuzz::UseTokenizer(**tokenizer);
  return 0;
}

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned seed) {
  std::vector<std::string> parts = fuzz::SplitParts({reinterpret_cast<const char*>(data), size});
  std::string& part = parts[seed % 8 == 0 ? seed / 8 % parts.size() : 0];
  part = fuzz::MutateJson(part, part.size() + 256, seed);
  return fuzz::Return(fuzz::JoinParts(parts), data, max_size);
}
