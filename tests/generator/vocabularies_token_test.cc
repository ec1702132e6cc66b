// Published vocabularies and the tokenisations that llama.cpp publishes with them: texts apart, ids
// a line each.
#include <gtest/gtest.h>

#include <map>
#include <sstream>

#include "common/file.h"
#include "generator/tokenizer.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::CachedModel;

struct Published {
  const char* vocabulary;
  const char* tokenizer;  // its name() in ours
  std::map<int, const char*> exceptions =
      {};  // of the texts, where llama.cpp differs from Hugging Face
};

constexpr const char* kNoNfc = "Qwen's own tokenizer puts text into NFC, llama.cpp does not";

TEST(Vocabularies, GivePublishedIds) {
  const std::filesystem::path any = CachedModel("vocabularies");
  if (any.empty()) {
    GTEST_SKIP() << "no vocabularies in the cache (tools/fetch_models.sh vocabularies)";
  }
  const std::vector<Published> all = {
      {"gpt-2", "gpt2/gpt-2"},
      {"mpt", "gpt2/mpt"},
      {"llama-bpe", "gpt2/llama-bpe"},
      {"qwen2", "gpt2/qwen2"},
      {"qwen35", "gpt2/qwen35", {{46, kNoNfc}, {47, kNoNfc}, {48, kNoNfc}}},
      {"starcoder", "gpt2/starcoder"},
      {"refact", "gpt2/refact"},
      {"command-r", "gpt2/command-r"},
      {"falcon", "gpt2/falcon"},
      {"deepseek-coder", "gpt2/deepseek-coder"},
      {"deepseek-llm", "gpt2/deepseek-llm"},
      {"llama-spm", "llama"},
      {"phi-3", "llama"},
      {"gemma-4", "gemma4"},
      {"bert-bge", "bert"},
  };
  for (const Published& published : all) {
    SCOPED_TRACE(published.vocabulary);
    const std::filesystem::path path =
        any.parent_path() / ("ggml-vocab-" + std::string(published.vocabulary) + ".gguf");
    ASSERT_OK_AND_ASSIGN(const auto tokenizer, Tokenizer::Load(path));
    EXPECT_EQ(tokenizer->name(), published.tokenizer);
    ASSERT_OK_AND_ASSIGN(const std::string texts, ReadFile(path.string() + ".inp"));
    ASSERT_OK_AND_ASSIGN(const std::string ids, ReadFile(path.string() + ".out"));
    std::istringstream lines(ids);
    constexpr std::string_view kSeparator = "\n__ggml_vocab_test__\n";
    int row = 0;
    for (size_t begin = 0; begin < texts.size(); ++row) {
      const size_t end = std::min(texts.find(kSeparator, begin), texts.size());
      const std::string text = texts.substr(begin, end - begin);
      begin = end + kSeparator.size();
      std::string line;
      ASSERT_TRUE(std::getline(lines, line));
      std::istringstream numbers(line);
      std::vector<TokenId> expected;
      for (TokenId id; numbers >> id;) expected.push_back(id);
      const std::vector<TokenId> got = tokenizer->Encode(text, {.add_special = false});
      if (const auto exception = published.exceptions.find(row);
          exception != published.exceptions.end()) {
        EXPECT_NE(got, expected) << row << " is no exception any more: " << exception->second;
      } else {
        EXPECT_EQ(got, expected) << row << ": " << text;
      }
    }
    EXPECT_GT(row, 40);
  }
}

}  // namespace
}  // namespace footnote::generator
