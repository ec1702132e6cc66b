// Vocabularies that ask for what no model has: each is an error that says so, and costs no more
// memory than its file.
#include <gtest/gtest.h>

#include <string>

#include "common/file.h"
#include "generator/tokenizer.h"
#include "tests/testing/gguf_builder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::GgufBuilder;
using footnote::testing::TempDir;

class HostileVocabulary : public ::testing::Test {
 protected:
  StatusOr<std::unique_ptr<Tokenizer>> LoadJson(const std::string& vocab,
                                                const std::string& rest = "") {
    const std::string text =
        R"({"model":{"type":"BPE","vocab":)" + vocab +
        R"(,"merges":[]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false})" + rest +
        "}";
    EXPECT_OK(WriteFileAtomically(dir_ / "tokenizer.json", text));
    return Tokenizer::Load(dir_ / "tokenizer.json");
  }
  StatusOr<std::unique_ptr<Tokenizer>> LoadGguf(const GgufBuilder& builder) {
    EXPECT_OK(WriteFileAtomically(dir_ / "vocabulary.gguf", builder.Build()));
    return Tokenizer::Load(dir_ / "vocabulary.gguf");
  }
  TempDir dir_;
};

// Ids size tables: sixteen million of them made half a gigabyte of a file of two lines.
TEST_F(HostileVocabulary, AnIdFarBeyondTheEntriesIsRefused) {
  EXPECT_OK(LoadJson(R"({"a":0,"b":1})"));
  EXPECT_OK(LoadJson(R"({"a":0,"b":60000})"));
  for (const char* id : {"16777215", "16777216", "-1", "1.5", "99999999999999999999", "\"0\""}) {
    EXPECT_STATUS(LoadJson(R"({"a":0,"b":)" + std::string(id) + "}"), kDataLoss,
                  "the id of \"b\" is no number below 65544");
  }
  EXPECT_STATUS(LoadJson(R"({"a":0})", R"(,"added_tokens":[{"id":16777215,"content":"<s>"}])"),
                kDataLoss, "the id of \"<s>\"");
  EXPECT_STATUS(LoadJson(R"({"a":1e400})"), kDataLoss, "no JSON object");
}

TEST_F(HostileVocabulary, JsonThatNestsWithoutEndIsRefused) {
  const std::string deep(100'000, '['), end(100'000, ']');
  EXPECT_STATUS(LoadJson("{\"a\":0}", ",\"added_tokens\":" + deep + end), kDataLoss,
                "nests deeper than 64 levels");
}

TEST_F(HostileVocabulary, IdsOutOfRangeInGgufMetadataAreRefused) {
  const auto with = [&](int64_t bos) {
    return LoadGguf(GgufBuilder()
                        .String("tokenizer.ggml.model", "llama")
                        .Strings("tokenizer.ggml.tokens", {"<unk>", "<s>", "a"})
                        .Numbers<float>("tokenizer.ggml.scores", 6, {0, 0, -1})
                        .Numbers<int32_t>("tokenizer.ggml.token_type", 5, {2, 3, 1})
                        .Number<int64_t>("tokenizer.ggml.bos_token_id", 11, bos)
                        .Uint32("tokenizer.ggml.unknown_token_id", 0));
  };
  EXPECT_OK(with(1));
  EXPECT_STATUS(with(3), kDataLoss, "bos_token_id is 3, but there are 3 tokens");
  EXPECT_STATUS(with(-1), kDataLoss, "bos_token_id is -1");
}

TEST_F(HostileVocabulary, TablesOfDifferentLengthsAreRefused) {
  EXPECT_STATUS(LoadGguf(GgufBuilder()
                             .String("tokenizer.ggml.model", "llama")
                             .Strings("tokenizer.ggml.tokens", {"<unk>", "a"})
                             .Numbers<float>("tokenizer.ggml.scores", 6, {0})),
                kDataLoss, "scores has 1 entries for 2 tokens");
}

}  // namespace
}  // namespace footnote::generator
