#include "generator/weights/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <random>

#include "generator/weights/hugging_face.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::CachedModel;
using footnote::testing::DataDir;
using footnote::testing::TempDir;

std::string File(const std::string& header, size_t data_bytes) {
  const uint64_t size = header.size();
  std::string file(sizeof size, '\0');
  std::memcpy(file.data(), &size, sizeof size);
  file += header;
  for (size_t i = 0; i < data_bytes; ++i) file.push_back(static_cast<char>(i));
  return file;
}

Status Read(const std::string& file, TensorTable& table) {
  // A copy of its own, so that the sanitizer sees a read behind it.
  const std::vector<char> bytes(file.begin(), file.end());
  return ReadSafetensors(std::as_bytes(std::span(bytes)), table);
}

Status Read(const std::string& file) {
  TensorTable table;
  return Read(file, table);
}

const std::string kHeader = R"({"__metadata__":{"format":"pt"},)"
                            R"("b":{"dtype":"F16","shape":[2,3],"data_offsets":[8,20]},)"
                            R"("a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                            R"("ids":{"dtype":"I64","shape":[1,2],"data_offsets":[20,36]}})";

TEST(Safetensors, GivesTensorsInTheOrderOfTheirBytes) {
  const std::string file = File(kHeader, 36);
  TensorTable table;
  ASSERT_OK(ReadSafetensors(std::as_bytes(std::span(file)), table));
  ASSERT_EQ(table.tensors().size(), 2u);
  EXPECT_EQ(table.tensors()[0].name, "a");
  const StoredTensor* b = table.Find("b");
  ASSERT_NE(b, nullptr);
  EXPECT_EQ(b->dtype, kernels::DType::kF16);
  EXPECT_EQ(b->shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(b->bytes.size(), 12u);
  EXPECT_EQ(static_cast<int>(b->bytes[0]), 8);
}

TEST(Safetensors, StrayFormatsAreSkippedUnlessAskedFor) {
  const std::string file = File(kHeader, 36);
  TensorTable table;
  ASSERT_OK(ReadSafetensors(std::as_bytes(std::span(file)), table));
  EXPECT_EQ(table.Find("ids"), nullptr);
  EXPECT_STATUS(table.Require("ids", "x.safetensors"), kUnimplemented, "has the format I64");
  EXPECT_STATUS(table.Optional("ids", "x.safetensors"), kUnimplemented, "has the format I64");
}

TEST(Safetensors, EveryTruncationIsAnError) {
  const std::string file = File(kHeader, 36);
  for (size_t length = 0; length < file.size(); ++length) {
    EXPECT_EQ(Read(file.substr(0, length)).code(), StatusCode::kDataLoss) << "cut at " << length;
  }
  EXPECT_STATUS(Read(file.substr(0, file.size() - 3)), kDataLoss, "3 bytes are missing");
  EXPECT_OK(Read(file));
}

TEST(Safetensors, DamagedDescriptionsAreRefused) {
  const auto with = [](const std::string& tensor) {
    return Read(File("{\"t\":" + tensor + "}", 64));
  };
  EXPECT_OK(with(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})"));
  EXPECT_OK(with(R"({"dtype":"F32","shape":[],"data_offsets":[0,4]})"));
  EXPECT_STATUS(with(R"({"dtype":"F32","shape":[4],"data_offsets":[0,12]})"), kDataLoss, "\"t\"");
  EXPECT_STATUS(with(R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})"), kDataLoss, "range");
  EXPECT_STATUS(with(R"({"dtype":"F32","shape":[4],"data_offsets":[-16,0]})"), kDataLoss, "range");
  EXPECT_STATUS(with(R"({"dtype":"F32","shape":[4.0],"data_offsets":[0,16]})"), kDataLoss, "shape");
  EXPECT_STATUS(with(R"({"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,16]})"),
                kDataLoss, "shape");
  EXPECT_STATUS(with(R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]})"),
                kDataLoss, "shape");
  EXPECT_STATUS(with(R"({"dtype":"F32","shape":[4611686018427387904],"data_offsets":[0,0]})"),
                kDataLoss, "elements");
  EXPECT_STATUS(with(R"({"dtype":"F32","shape":[4]})"), kDataLoss, "needs dtype");
  EXPECT_STATUS(with("7"), kDataLoss, "no JSON object");
  EXPECT_STATUS(Read(File("[]", 0)), kDataLoss, "no JSON object");
  EXPECT_STATUS(Read(File("{", 0)), kDataLoss, "no JSON object");
  EXPECT_STATUS(Read(std::string(8, '\xFF')), kDataLoss, "no safetensors file");
}

TEST(Safetensors, OverlapsAndRepeatedNamesAreRefused) {
  EXPECT_STATUS(Read(File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                          R"("b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}})",
                          16)),
                kDataLoss, "overlap");
  EXPECT_STATUS(Read(File(R"({"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                          R"("a":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}})",
                          16)),
                kDataLoss, "twice");
}

TEST(Safetensors, MutatedHeadersNeverCrash) {
  const std::string file = File(kHeader, 36);
  std::mt19937 random(1);
  int accepted = 0;
  for (int round = 0; round < 10000; ++round) {
    std::string mutated = file;
    for (int change = 0; change < 2; ++change) {
      const size_t at = random() % (8 + kHeader.size());
      mutated[at] = random() % 2 == 0 ? static_cast<char>(mutated[at] ^ (1 << random() % 8))
                                      : "0123456789[]{},:\""[random() % 17];
    }
    TensorTable table;
    if (ReadSafetensors(std::as_bytes(std::span(mutated)), table).ok()) ++accepted;
  }
  EXPECT_GT(accepted, 50);
  EXPECT_LT(accepted, 9000);
}

TEST(Safetensors, DeeplyNestedHeadersAreRefused) {
  EXPECT_FALSE(Read(File("{\"t\":" + std::string(1000000, '['), 0)).ok());
  EXPECT_FALSE(
      Read(File("{\"t\":" + std::string(100000, '[') + std::string(100000, ']') + "}", 0)).ok());
}

TEST(HuggingFaceFolder, OpensOneFile) {
  const std::filesystem::path folder = DataDir() / "models/tiny-llama";
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(folder));
  EXPECT_EQ(source->format(), WeightFormat::kHuggingFace);
  EXPECT_EQ(*source->GetString("model_type"), "llama");
  EXPECT_EQ(*source->GetInt("hidden_size"), 64);
  EXPECT_GT(*source->GetFloat("rms_norm_eps"), 0);
  EXPECT_EQ(*source->GetStrings("architectures"), std::vector<std::string>{"LlamaForCausalLM"});
  EXPECT_FALSE(source->Has("rope_scaling")) << "null counts as absent";
  ASSERT_OK_AND_ASSIGN(const StoredTensor* embedding, source->Require("model.embed_tokens.weight"));
  EXPECT_EQ(embedding->shape, (std::vector<int64_t>{300, 64}));
  EXPECT_NE(source->chat_template().find("im_start"), std::string::npos);
  EXPECT_STATUS(source->GetInt("model_type"), kInvalidArgument, "\"model_type\" is string");
  EXPECT_STATUS(source->GetInt("nothing"), kNotFound, "config.json has no key \"nothing\"");
}

TEST(HuggingFaceFolder, OpensShards) {
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(DataDir() / "models/tiny-llama-untied"));
  EXPECT_OK(source->Require("lm_head.weight"));
  EXPECT_OK(source->Require("model.embed_tokens.weight"));
  EXPECT_EQ(source->Find("lm_head.weight")->dtype, kernels::DType::kBF16);
  EXPECT_GE(source->files().size(), 3u);
}

TEST(HuggingFaceFolder, BothSpellingsOfAConfigGiveTheSameKeys) {
  for (const char* name : {"tiny-llama", "tiny-llama-untied", "tiny-mistral-swa"}) {
    ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(DataDir() / "models" / name));
    for (const char* key : {"rope_theta", "rope_parameters.rope_theta"}) {
      ASSERT_OK_AND_ASSIGN(const double theta, source->GetFloat(key));
      EXPECT_EQ(theta, name == std::string("tiny-llama-untied") ? 500000 : 10000) << name;
    }
    EXPECT_TRUE(source->Has("dtype")) << name;
    EXPECT_TRUE(source->Has("torch_dtype")) << name;
  }
}

class HuggingFaceFolderOnDisk : public ::testing::Test {
 protected:
  void Write(const std::string& name, const std::string& contents) {
    std::ofstream(dir_ / name, std::ios::binary) << contents;
  }
  StatusOr<std::unique_ptr<WeightSource>> Open() { return OpenWeights(dir_.path()); }

  TempDir dir_;
};

TEST_F(HuggingFaceFolderOnDisk, ErrorsNameTheFile) {
  EXPECT_STATUS(Open(), kNotFound, "no config.json");
  Write("config.json", "not json");
  EXPECT_STATUS(Open(), kDataLoss, "config.json is no JSON object");
  Write("config.json", "{}");
  EXPECT_STATUS(Open(), kNotFound, "neither model.safetensors");
  Write("pytorch_model.bin", "");
  EXPECT_STATUS(Open(), kUnimplemented, "pickles");
  Write("model.safetensors", File(kHeader, 30));
  EXPECT_STATUS(Open(), kDataLoss, "model.safetensors: tensor \"ids\"");
}

TEST_F(HuggingFaceFolderOnDisk, ShardsMustLieInTheFolderAndHoldWhatTheIndexSays) {
  Write("config.json", "{}");
  const auto index = [&](const std::string& map) {
    Write("model.safetensors.index.json", "{\"weight_map\":" + map + "}");
  };
  index(R"({"a":"../model.safetensors"})");
  EXPECT_STATUS(Open(), kDataLoss, "no file of this folder");
  index(R"({"a":7})");
  EXPECT_STATUS(Open(), kDataLoss, "no file of this folder");
  index(R"({"a":"one.safetensors"})");
  EXPECT_STATUS(Open(), kNotFound, "one.safetensors");
  Write("one.safetensors", File(kHeader, 36));
  EXPECT_OK(Open());
  index(R"({"a":"one.safetensors","c":"one.safetensors"})");
  EXPECT_STATUS(Open(), kDataLoss, "tensor \"c\", but no shard does");
  index(R"({"a":"one.safetensors","b":"two.safetensors"})");
  Write("two.safetensors", File(kHeader, 36));
  EXPECT_STATUS(Open(), kDataLoss, "twice");
}

TEST_F(HuggingFaceFolderOnDisk, ATensorMustLieInTheShardThatTheIndexNames) {
  Write("config.json", "{}");
  const auto holding = [](const std::string& name) {
    return File(R"({")" + name + R"(":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 8);
  };
  Write("one.safetensors", holding("a"));
  Write("two.safetensors", holding("b"));
  const auto index = [&](const std::string& map) {
    Write("model.safetensors.index.json", "{\"weight_map\":" + map + "}");
  };
  index(R"({"a":"one.safetensors","b":"two.safetensors"})");
  ASSERT_OK_AND_ASSIGN(const auto source, Open());
  EXPECT_EQ(source->files().size(), 3u);
  index(R"({"a":"two.safetensors","b":"one.safetensors"})");
  EXPECT_STATUS(Open(), kDataLoss,
                "says that two.safetensors holds tensor \"a\", but one.safetensors does");
  index(R"({"a":"one.safetensors","b":"two.safetensors","c":"three.safetensors"})");
  EXPECT_STATUS(Open(), kNotFound, "the weights are in 3 files, and ");
  EXPECT_STATUS(Open(), kNotFound, "three.safetensors is missing");
}

// The JSON library copies by recursion, which ended the stack.
TEST_F(HuggingFaceFolderOnDisk, JsonThatNestsWithoutEndIsRefused) {
  const std::string deep(200'000, '['), end(200'000, ']');
  Write("config.json", "{\"torch_dtype\":" + deep + end + "}");
  EXPECT_STATUS(Open(), kDataLoss, "config.json nests deeper than 64 levels");
  EXPECT_STATUS(Read(File("{\"a\":" + deep + end + "}", 0)), kDataLoss, "nests too deep");
  Write("config.json",
        R"({"text":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\"["})");
  Write("model.safetensors", File("{}", 0));
  EXPECT_OK(Open());
}

TEST_F(HuggingFaceFolderOnDisk, OlderRopeScalingIsFoundInRopeParameters) {
  Write("model.safetensors", File("{}", 0));
  Write("config.json", R"({"rope_theta":500000.0,"rope_scaling":{"type":"linear","factor":4.0}})");
  ASSERT_OK_AND_ASSIGN(const auto source, Open());
  EXPECT_EQ(*source->GetString("rope_parameters.rope_type"), "linear");
  EXPECT_EQ(*source->GetFloat("rope_parameters.factor"), 4.0);
  EXPECT_EQ(*source->GetFloat("rope_parameters.rope_theta"), 500000.0);
}

TEST_F(HuggingFaceFolderOnDisk, TheChatTemplateComesFromItsOwnFileOrTheTokenizersConfig) {
  Write("config.json", "{}");
  Write("model.safetensors", File("{}", 0));
  Write("tokenizer_config.json",
        R"({"chat_template":[{"name":"tool","template":"T"},{"name":"default","template":"D"}]})");
  EXPECT_EQ((*Open())->chat_template(), "D");
  Write("tokenizer_config.json", R"({"chat_template":"C"})");
  EXPECT_EQ((*Open())->chat_template(), "C");
  Write("chat_template.jinja", "J");
  EXPECT_EQ((*Open())->chat_template(), "J");
}

TEST(HuggingFaceFolder, OpensTheDefaultEmbedder) {
  const std::filesystem::path folder = CachedModel("all-minilm-l6-v2");
  if (folder.empty()) GTEST_SKIP() << "all-minilm-l6-v2 is not in the cache";
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(folder));
  EXPECT_EQ(*source->GetString("model_type"), "bert");
  EXPECT_OK(source->Require("embeddings.word_embeddings.weight"));
}

}  // namespace
}  // namespace footnote::generator
