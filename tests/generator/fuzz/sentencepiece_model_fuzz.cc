// tokenizer.model files (SentencePiece's protocol buffer), and tokenizing with them.
#include "generator/tokenizer.h"
#include "tests/generator/fuzz/mutate.h"
#include "tests/generator/fuzz/use_tokenizer.h"

using namespace footnote::generator;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  fuzz::WriteInFolder("tokenizer.model", {reinterpret_cast<const char*>(data), size});
  const auto tokenizer = Tokenizer::Load(fuzz::Folder() / "tokenizer.model");
  if (tokenizer.ok()) fuzz::UseTokenizer(**tokenizer);
  return 0;
}
