#include "generator/weights/gguf.h"

#include <gtest/gtest.h>

#include <limits>
#include <random>

#include "common/file.h"
#include "tests/testing/gguf_builder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

using footnote::testing::AsBytes;
using footnote::testing::CachedModel;
using footnote::testing::DataDir;
using footnote::testing::GgufBuilder;

StatusOr<std::unique_ptr<WeightSource>> Parse(const std::string& file) {
  return ParseGguf(AsBytes(file), "test.gguf");
}

GgufBuilder Small() {
  GgufBuilder builder;
  builder.String("general.architecture", "llama")
      .Uint32("llama.block_count", 2)
      .Number<uint64_t>("big", 10, std::numeric_limits<uint64_t>::max())
      .Number<int8_t>("small", 1, -5)
      .Number<float>("eps", 6, 0.5f)
      .Number<double>("precise", 12, 0.125)
      .Bool("flag", true)
      .Strings("words", {"one", "", "three"})
      .Numbers<int32_t>("ints", 5, {1, -2, 3})
      .Numbers<float>("floats", 6, {0.25f, -1.5f})
      .Tensor("matrix", {4, 2}, 0, std::string(32, 'm'))
      .Tensor("quantised", {64, 3}, 8, std::string(2 * 3 * 34, 'q'))
      .Tensor("vector", {5}, 1, std::string(10, 'v'));
  return builder;
}

TEST(Gguf, GivesMetadataByType) {
  const std::string file = Small().Build();
  ASSERT_OK_AND_ASSIGN(const auto source, Parse(file));
  EXPECT_EQ(*source->GetString("general.architecture"), "llama");
  EXPECT_EQ(*source->GetInt("llama.block_count"), 2);
  EXPECT_EQ(*source->GetInt("small"), -5);
  EXPECT_EQ(*source->GetFloat("eps"), 0.5);
  EXPECT_EQ(*source->GetFloat("precise"), 0.125);
  EXPECT_EQ(*source->GetFloat("small"), -5.0) << "an integer is also a float";
  EXPECT_EQ(*source->GetBool("flag"), true);
  EXPECT_EQ(*source->GetStrings("words"), (std::vector<std::string>{"one", "", "three"}));
  EXPECT_EQ(*source->GetInts("ints"), (std::vector<int64_t>{1, -2, 3}));
  EXPECT_EQ(*source->GetFloats("floats"), (std::vector<double>{0.25, -1.5}));
  EXPECT_EQ(*source->GetFloats("ints"), (std::vector<double>{1, -2, 3}));
  EXPECT_EQ(*source->GetIntOr("none", 7), 7);
  EXPECT_EQ(source->Keys().front(), "general.architecture");
}

TEST(Gguf, MetadataErrorsNameFileKeyAndTypes) {
  const std::string file = Small().Build();
  ASSERT_OK_AND_ASSIGN(const auto source, Parse(file));
  EXPECT_STATUS(source->GetInt("none"), kNotFound, "test.gguf: there is no metadata key \"none\"");
  EXPECT_STATUS(source->GetInt("eps"), kInvalidArgument, "\"eps\" holds float32");
  EXPECT_STATUS(source->GetInt("big"), kInvalidArgument, "below 2^63");
  EXPECT_STATUS(source->GetInt("words"), kInvalidArgument, "holds an array of string");
  EXPECT_STATUS(source->GetStrings("general.architecture"), kInvalidArgument, "holds string");
  EXPECT_STATUS(source->GetStrings("ints"), kInvalidArgument, "array of int32");
  EXPECT_STATUS(source->GetBool("small"), kInvalidArgument, "a bool");
  EXPECT_STATUS(source->GetIntOr("eps", 1), kInvalidArgument, "eps");
}

TEST(Gguf, GivesTensorsOutermostAxisFirst) {
  const std::string file = Small().Build();
  ASSERT_OK_AND_ASSIGN(const auto source, Parse(file));
  ASSERT_EQ(source->tensors().size(), 3u);
  const StoredTensor* matrix = source->Find("matrix");
  ASSERT_NE(matrix, nullptr);
  EXPECT_EQ(matrix->shape, (std::vector<int64_t>{2, 4}));
  EXPECT_EQ(matrix->elements(), 8);
  EXPECT_EQ(matrix->bytes.size(), 32u);
  EXPECT_EQ(static_cast<char>(matrix->bytes[0]), 'm');
  ASSERT_OK_AND_ASSIGN(const StoredTensor* quantised, source->Require("quantised"));
  EXPECT_EQ(quantised->dtype, kernels::DType::kQ8_0);
  EXPECT_EQ(quantised->bytes.size(), 204u);
  EXPECT_EQ(static_cast<char>(quantised->bytes.back()), 'q');
  EXPECT_EQ(source->Find("none"), nullptr);
  EXPECT_EQ(*source->Optional("none"), nullptr);
  EXPECT_STATUS(source->Require("none"), kNotFound, "test.gguf has no tensor \"none\"");
}

TEST(Gguf, ReadsVersionTwoAndRefusesOthersByNumber) {
  EXPECT_OK(Parse(Small().Build(2)));
  EXPECT_STATUS(Parse(Small().Build(1)), kUnimplemented, "version 1");
  EXPECT_STATUS(Parse(Small().Build(4)), kUnimplemented, "version 4");
  EXPECT_STATUS(Parse(Small().Build(0x03000000)), kUnimplemented, "big-endian");
  EXPECT_STATUS(Parse("GGML is another format"), kDataLoss, "no GGUF file");
}

TEST(Gguf, ATruncatedFileSaysTensorAndMissingBytes) {
  const std::string file = Small().Build();
  const std::string size = std::to_string(file.size());
  EXPECT_STATUS(Parse(file.substr(0, file.size() - 3)), kDataLoss,
                "it should have " + size + " bytes and has " + std::to_string(file.size() - 3) +
                    ", 3 are missing; the first tensor that is cut, \"vector\" (F16), lies at "
                    "bytes " +
                    std::to_string(file.size() - 10) + " to " + size);
  // Only the head is there: the first tensor of all is the first that is cut.
  EXPECT_STATUS(Parse(file.substr(0, Small().HeaderSize())), kDataLoss, "is cut, \"matrix\" (F32)");
}

TEST(Gguf, EveryTruncationIsAnError) {
  const std::string file = Small().Build();
  for (size_t length = 0; length < file.size(); ++length) {
    // A copy of its own, so that the sanitizer sees a read behind it.
    const std::vector<char> part(file.begin(), file.begin() + static_cast<ptrdiff_t>(length));
    const auto source = ParseGguf(AsBytes({part.data(), part.size()}), "cut.gguf");
    ASSERT_FALSE(source.ok()) << "cut at " << length;
    ASSERT_EQ(source.status().code(), StatusCode::kDataLoss) << source.status().ToString();
  }
  EXPECT_OK(Parse(file));
}

// Reads all that a source offers, so that a wild view is touched.
void ReadEverything(const WeightSource& source) {
  unsigned sum = 0;
  for (const StoredTensor& tensor : source.tensors()) {
    for (const std::byte byte : tensor.bytes) sum += static_cast<unsigned>(byte);
    EXPECT_GE(tensor.elements(), 1);
  }
  for (const std::string& key : source.Keys()) {
    sum += source.GetInt(key).ok();
    sum += source.GetFloat(key).ok();
    sum += source.GetString(key).ok();
    sum += source.GetInts(key).ok();
    sum += source.GetFloats(key).ok();
    sum += source.GetStrings(key).ok();
  }
  EXPECT_GE(sum, 0u);
}

TEST(Gguf, MutatedHeadersNeverCrash) {
  const GgufBuilder builder = Small();
  const std::string file = builder.Build();
  std::mt19937 random(1);
  int accepted = 0;
  for (int round = 0; round < 10000; ++round) {
    std::string mutated = file;
    const int changes = 1 + static_cast<int>(random() % 3);
    for (int change = 0; change < changes; ++change) {
      const size_t at = random() % builder.HeaderSize();
      switch (random() % 3) {
        case 0:
          mutated[at] = static_cast<char>(mutated[at] ^ (1 << random() % 8));
          break;
        case 1:
          mutated[at] = static_cast<char>(random());
          break;
        default:
          mutated[at] = static_cast<char>(0xFF);
      }
    }
    const auto source = Parse(mutated);
    if (!source.ok()) continue;
    ++accepted;
    ReadEverything(**source);
  }
  // Most mutations of names and values leave a well-formed file.
  EXPECT_GT(accepted, 100);
  EXPECT_LT(accepted, 9000);
}

TEST(Gguf, AbsurdCountsAreRefusedWithoutReservingForThem) {
  for (const uint64_t count : {uint64_t{1} << 32, uint64_t{1} << 61, ~uint64_t{0}}) {
    GgufBuilder builder;
    EXPECT_STATUS(Parse(builder.Header(3, count, 0)), kDataLoss, "tensor count");
    EXPECT_STATUS(Parse(builder.Header(3, 0, count)), kDataLoss, "metadata count");
    std::string string_length;
    GgufBuilder::Append(count, string_length);
    EXPECT_STATUS(Parse(GgufBuilder().Raw("key", 8, string_length).Build()), kDataLoss, "\"key\"");
    for (const uint32_t element : {0u, 4u, 8u, 9u, 12u}) {
      std::string array;
      GgufBuilder::Append(element, array);
      GgufBuilder::Append(count, array);
      EXPECT_STATUS(Parse(GgufBuilder().Raw("key", 9, array).Build()), kDataLoss, "\"key\"");
    }
  }
}

TEST(Gguf, DeepNestingIsRefused) {
  std::string array;
  for (int depth = 0; depth < 10000; ++depth) {
    GgufBuilder::Append<uint32_t>(9, array);
    GgufBuilder::Append<uint64_t>(1, array);
  }
  EXPECT_STATUS(Parse(GgufBuilder().Raw("key", 9, array).Build()), kDataLoss, "nested");
}

TEST(Gguf, UnknownValueTypesAndDuplicatesAreDamage) {
  EXPECT_STATUS(Parse(GgufBuilder().Raw("key", 13, "").Build()), kDataLoss, "value type 13");
  EXPECT_STATUS(Parse(GgufBuilder().Uint32("key", 1).Uint32("key", 2).Build()), kDataLoss, "twice");
  EXPECT_STATUS(
      Parse(GgufBuilder().Tensor("t", {1}, 0, "abcd").Tensor("t", {1}, 0, "abcd").Build()),
      kDataLoss, "twice");
}

TEST(Gguf, TensorsThatCannotBeAreRefused) {
  const std::string bytes(4096, 'x');
  const auto with = [&](const std::vector<uint64_t>& dimensions, uint32_t type,
                        int64_t offset = -1) {
    return Parse(GgufBuilder().Tensor("t", dimensions, type, bytes, offset).Build());
  };
  EXPECT_OK(with({32, 4}, 0));
  EXPECT_STATUS(with({32, 4}, 99), kUnimplemented, "tensor \"t\" is of GGUF type 99");
  EXPECT_STATUS(with({33, 4}, 8), kDataLoss, "whole blocks of Q8_0");
  EXPECT_STATUS(with({0, 4}, 0), kDataLoss, "dimension 0");
  EXPECT_STATUS(with({1, 1, 1, 1, 1}, 0), kDataLoss, "5 dimensions");
  EXPECT_STATUS(with({uint64_t{1} << 32, uint64_t{1} << 32}, 0), kDataLoss, "2^63 elements");
  EXPECT_STATUS(with({uint64_t{1} << 62}, 0), kDataLoss, "2^63 bytes");
  EXPECT_STATUS(with({~uint64_t{0}}, 0), kDataLoss, "2^63 elements");
  EXPECT_STATUS(with({32}, 0, 33), kDataLoss, "multiple of 32");
  EXPECT_STATUS(with({32}, 0, std::numeric_limits<int64_t>::max() - 31), kDataLoss, "beyond");
  EXPECT_STATUS(with({32}, 0, 1 << 20), kDataLoss, "truncated");
  EXPECT_STATUS(
      Parse(GgufBuilder().Tensor("a", {32}, 0, bytes).Tensor("b", {32}, 0, bytes, 64).Build()),
      kDataLoss, "overlap");
}

TEST(Gguf, AlignmentMustBeAPowerOfTwo) {
  const auto with = [](uint32_t alignment) {
    return Parse(
        GgufBuilder().Uint32("general.alignment", alignment).Tensor("t", {1}, 0, "abcd").Build());
  };
  EXPECT_OK(with(32));
  EXPECT_OK(with(8));
  EXPECT_STATUS(with(0), kDataLoss, "general.alignment is 0");
  EXPECT_STATUS(with(48), kDataLoss, "power of two");
}

TEST(Gguf, TypesThatNobodyReadsAreRefusedByName) {
  for (const auto& [type, name] :
       {std::pair(16u, "IQ2_XXS"), std::pair(29u, "IQ1_M"), std::pair(39u, "MXFP4"),
        std::pair(9u, "Q8_1"), std::pair(15u, "Q8_K"), std::pair(4u, "Q4_2")}) {
    const auto source =
        Parse(GgufBuilder().Tensor("t", {256, 2}, type, std::string(4096, 'x')).Build());
    EXPECT_STATUS(source, kUnimplemented,
                  "tensor \"t\" is " + std::string(name) + ", which is not supported");
    EXPECT_STATUS(source, kUnimplemented, "Q6_K, IQ4_NL, IQ4_XS, BF16)");
    EXPECT_STATUS(source, kUnimplemented, "use a file of another quantisation, as Q4_K_M");
  }
}

TEST(Gguf, PartsOfASplitModelAreNotTakenForModels) {
  const std::string file = GgufBuilder()
                               .Number<uint16_t>("split.no", 2, 1)
                               .Number<uint16_t>("split.count", 2, 3)
                               .Build();
  EXPECT_STATUS(Parse(file), kUnimplemented, "is part 2 of 3");
  EXPECT_OK(Parse(GgufBuilder().Number<uint16_t>("split.count", 2, 1).Build()));
}

TEST(Gguf, MetadataAloneIsReadFromAFileWithoutItsWeights) {
  const GgufBuilder builder = Small();
  const std::string head = builder.Build().substr(0, builder.HeaderSize());
  EXPECT_STATUS(Parse(head), kDataLoss, "truncated");
  ASSERT_OK_AND_ASSIGN(const auto source,
                       ParseGguf(AsBytes(head), "head.gguf", GgufPart::kMetadata));
  EXPECT_EQ(*source->GetInt("llama.block_count"), 2);
  EXPECT_TRUE(source->tensors().empty());
}

TEST(Gguf, OpensTheTinyModel) {
  const std::filesystem::path path = DataDir() / "models/tiny-llama-gguf/tiny-llama-q8_0.gguf";
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(path));
  EXPECT_EQ(source->format(), WeightFormat::kGguf);
  EXPECT_EQ(*source->GetString("general.architecture"), "llama");
  EXPECT_EQ(source->files(), (std::vector<std::filesystem::path>{path}));
  EXPECT_EQ(source->total_bytes(), static_cast<int64_t>(std::filesystem::file_size(path)));
  ASSERT_OK_AND_ASSIGN(const StoredTensor* embedding, source->Require("token_embd.weight"));
  EXPECT_EQ(embedding->shape, (std::vector<int64_t>{300, 64}));
  EXPECT_NE(source->chat_template().find("<|im_start|>"), std::string::npos);
}

TEST(Gguf, ARealTruncatedFileSaysWhatIsMissing) {
  const std::filesystem::path path = CachedModel("qwen2-7b-head");
  if (path.empty()) GTEST_SKIP() << "qwen2-7b-head is not in the cache";
  EXPECT_STATUS(OpenGguf(path), kDataLoss,
                "truncated: it should have 4683073248 bytes and has 99614720, 4583458528 are "
                "missing; the first tensor that is cut, \"output.weight\" (Q6_K)");
  ASSERT_OK_AND_ASSIGN(const auto source, OpenGguf(path, GgufPart::kMetadata));
  EXPECT_EQ(*source->GetString("general.architecture"), "qwen2");
}

}  // namespace
}  // namespace footnote::generator
