#include "generator/tokenizers/pretokenizer.h"

#include <gtest/gtest.h>

#include <fstream>

#include <nlohmann/json.hpp>

#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::DataDir;
using nlohmann::json;

std::vector<size_t> Lengths(const PreTokenizer& pre_tokenizer, std::string_view text) {
  std::vector<size_t> ends;
  pre_tokenizer.split(text, ends);
  std::vector<size_t> lengths;
  size_t begin = 0;
  for (const size_t end : ends) {
    lengths.push_back(end - begin);
    begin = end;
  }
  EXPECT_EQ(begin, text.size());
  return lengths;
}

TEST(PreTokenizer, SplitsAsThePublishedPatternsDo) {
  std::ifstream file(DataDir() / "goldens/pretokenizer_splits.jsonl");
  int rows = 0;
  for (std::string line; std::getline(file, line); ++rows) {
    const json row = json::parse(line);
    const std::string text = row["text"];
    for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "smollm"}) {
      const json& expected = row[name].is_number() ? row["gpt-2"] : row[name];
      ASSERT_OK_AND_ASSIGN(const PreTokenizer pre_tokenizer, PreTokenizerByName(name));
      EXPECT_EQ(Lengths(pre_tokenizer, text), expected.get<std::vector<size_t>>())
          << name << ": " << row["text"];
    }
  }
  EXPECT_GT(rows, 600);
}

TEST(PreTokenizer, ContractionsIgnoreCaseAsTheirPatternsDo) {
  ASSERT_OK_AND_ASSIGN(const PreTokenizer gpt2, PreTokenizerByName("gpt-2"));
  ASSERT_OK_AND_ASSIGN(const PreTokenizer llama3, PreTokenizerByName("llama-bpe"));
  EXPECT_EQ(Lengths(gpt2, "it's"), (std::vector<size_t>{2, 2}));
  EXPECT_EQ(Lengths(gpt2, "IT'S"), (std::vector<size_t>{2, 1, 1}));
  EXPECT_EQ(Lengths(llama3, "IT'S"), (std::vector<size_t>{2, 2}));
  EXPECT_EQ(Lengths(llama3, "it'\u017F"), (std::vector<size_t>{2, 3})) << "the long s";
  EXPECT_EQ(Lengths(llama3, "we'LL"), (std::vector<size_t>{2, 3}));
  EXPECT_EQ(Lengths(llama3, "'lx"), (std::vector<size_t>{3})) << "no contraction";
}

TEST(PreTokenizer, ALongRunOfWhiteSpaceOrLettersIsOnePiece) {
  for (const char* name : {"gpt-2", "llama-bpe", "qwen2", "smollm"}) {
    ASSERT_OK_AND_ASSIGN(const PreTokenizer pre_tokenizer, PreTokenizerByName(name));
    EXPECT_EQ(Lengths(pre_tokenizer, std::string(1000000, ' ')).size(), 1u) << name;
    EXPECT_EQ(Lengths(pre_tokenizer, std::string(1000000, 'a')).size(), 1u) << name;
  }
}

TEST(PreTokenizer, UnknownOnesAreRefusedWithTheNamesThatAreKnown) {
  EXPECT_STATUS(PreTokenizerByName("tekken"), kUnimplemented, "\"tekken\" is not supported");
  EXPECT_STATUS(PreTokenizerByName("default"), kUnimplemented, "smollm");
  EXPECT_STATUS(PreTokenizerBySteps(""), kUnimplemented, "not supported");
  EXPECT_STATUS(PreTokenizerBySteps("Metaspace"), kUnimplemented, "Metaspace");
}

}  // namespace
}  // namespace footnote::generator
