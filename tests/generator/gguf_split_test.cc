// Models in several GGUF files: the parts that gguf-py writes (tests/data/models/split-gguf) and
// what goes wrong with them.
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "common/file.h"
#include "generator/weights/gguf.h"
#include "generator/weights/weight_source.h"
#include "tests/testing/gguf_builder.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::generator {
namespace {

namespace fs = std::filesystem;
using footnote::testing::DataDir;
using footnote::testing::GgufBuilder;
using footnote::testing::TempDir;

fs::path Part(const fs::path& folder, int number) {
  return folder / ("split-0000" + std::to_string(number) + "-of-00003.gguf");
}

class GgufSplit : public ::testing::Test {
 protected:
  void SetUp() override {
    for (int number = 1; number <= 3; ++number) {
      fs::copy_file(Part(DataDir() / "models" / "split-gguf", number), Part(dir_.path(), number));
    }
  }
  // A part of the test's own: one tensor "t<number>" of four numbers.
  void Write(const fs::path& name, uint16_t number, uint16_t count, int32_t tensors) {
    const std::string file = GgufBuilder()
                                 .Number<uint16_t>("split.no", 2, number)
                                 .Number<uint16_t>("split.count", 2, count)
                                 .Number<int32_t>("split.tensors.count", 5, tensors)
                                 .Tensor("t" + std::to_string(number), {4}, 0, std::string(16, 'x'))
                                 .Build();
    ASSERT_OK(WriteFileAtomically(dir_.path() / name, file));
  }
  TempDir dir_;
};

TEST_F(GgufSplit, AnyPartOpensTheWholeModel) {
  for (int named = 1; named <= 3; ++named) {
    SCOPED_TRACE(named);
    ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(Part(dir_.path(), named)));
    EXPECT_EQ(*source->GetString("test.says"), "metadata of the whole model");
    EXPECT_EQ(*source->GetInt("llama.block_count"), 2);
    ASSERT_EQ(source->tensors().size(), 6u);
    for (int i = 0; i < 6; ++i) {
      ASSERT_OK_AND_ASSIGN(const StoredTensor* tensor,
                           source->Require("tensor." + std::to_string(i)));
      EXPECT_EQ(tensor->shape, (std::vector<int64_t>{i + 1, 4}));
      const auto* values = reinterpret_cast<const float*>(tensor->bytes.data());
      EXPECT_EQ(values[0], static_cast<float>(i));
      EXPECT_EQ(values[4 * i + 3], static_cast<float>(i));
    }
    int64_t bytes = 0;
    std::vector<fs::path> files;
    for (int number = 1; number <= 3; ++number) {
      files.push_back(Part(dir_.path(), number));
      bytes += static_cast<int64_t>(fs::file_size(files.back()));
    }
    EXPECT_EQ(source->files(), files);
    EXPECT_EQ(source->total_bytes(), bytes);
  }
}

TEST_F(GgufSplit, AFolderWithOneSetOpensIt) {
  ASSERT_OK_AND_ASSIGN(const auto source, OpenWeights(dir_.path()));
  EXPECT_EQ(source->tensors().size(), 6u);
  Write("other-00001-of-00002.gguf", 0, 2, 2);
  EXPECT_STATUS(OpenWeights(dir_.path()), kNotFound, "several .gguf models; name one");
}

TEST_F(GgufSplit, MetadataNeedTheFirstPartAlone) {
  fs::remove(Part(dir_.path(), 2));
  ASSERT_OK_AND_ASSIGN(const auto source, OpenGguf(Part(dir_.path(), 3), GgufPart::kMetadata));
  EXPECT_EQ(*source->GetString("test.says"), "metadata of the whole model");
  EXPECT_EQ(source->files(), (std::vector<fs::path>{Part(dir_.path(), 1)}));
}

TEST_F(GgufSplit, AMissingPartIsNamed) {
  fs::remove(Part(dir_.path(), 2));
  for (const int named : {1, 3}) {
    EXPECT_STATUS(OpenWeights(Part(dir_.path(), named)), kNotFound,
                  "part 2 of 3, \"" + Part(dir_.path(), 2).string() + "\", is missing");
  }
  EXPECT_STATUS(OpenWeights(dir_.path()), kNotFound, "part 2 of 3");
  fs::remove(Part(dir_.path(), 1));
  EXPECT_STATUS(OpenWeights(dir_.path()), kNotFound, "part 1 of 3");
}

TEST_F(GgufSplit, ATruncatedPartIsNamed) {
  fs::resize_file(Part(dir_.path(), 3), fs::file_size(Part(dir_.path(), 3)) - 40);
  const auto source = OpenWeights(Part(dir_.path(), 1));
  EXPECT_STATUS(source, kDataLoss, Part(dir_.path(), 3).string() + ": the file is truncated");
}

TEST_F(GgufSplit, PartsUnderOtherNamesAreRefusedWithTheNameTheyNeed) {
  fs::rename(Part(dir_.path(), 1), dir_.path() / "model.gguf");
  EXPECT_STATUS(OpenWeights(dir_.path() / "model.gguf"), kFailedPrecondition,
                "rename it to NAME-00001-of-00003.gguf");
  fs::copy_file(dir_.path() / "model.gguf", Part(dir_.path(), 1));
  fs::copy_file(Part(dir_.path(), 1), Part(dir_.path(), 2), fs::copy_options::overwrite_existing);
  EXPECT_STATUS(OpenWeights(Part(dir_.path(), 2)), kFailedPrecondition, "is part 1 of a model");
  EXPECT_STATUS(OpenWeights(Part(dir_.path(), 1)), kDataLoss, "is said to be part 1 of 3");
}

TEST_F(GgufSplit, CountsAndDuplicatesAreChecked) {
  Write("own-00001-of-00002.gguf", 0, 2, 3);
  Write("own-00002-of-00002.gguf", 1, 2, 3);
  EXPECT_STATUS(OpenWeights(dir_.path() / "own-00001-of-00002.gguf"), kDataLoss,
                "the 2 parts hold 2 tensors, not the 3");
  Write("own-00001-of-00002.gguf", 0, 2, 2);
  EXPECT_OK(OpenWeights(dir_.path() / "own-00001-of-00002.gguf"));
  Write("own-00001-of-00002.gguf", 5, 2, 2);
  EXPECT_STATUS(OpenWeights(dir_.path() / "own-00001-of-00002.gguf"), kDataLoss,
                "part 5 (split.no, from 0) of 2");
  ASSERT_OK(WriteFileAtomically(dir_.path() / "own-00001-of-00002.gguf",
                                GgufBuilder()
                                    .Number<uint16_t>("split.no", 2, 0)
                                    .Number<uint16_t>("split.count", 2, 2)
                                    .Tensor("t1", {4}, 0, std::string(16, 'x'))
                                    .Build()));
  EXPECT_STATUS(OpenWeights(dir_.path() / "own-00002-of-00002.gguf"), kDataLoss,
                "own-00002-of-00002.gguf: tensor \"t1\" is there twice");
}

}  // namespace
}  // namespace footnote::generator
