// Block formats against blocks that gguf-py made (tests/data/README.md).
#include "kernels/dtype.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "kernels/quant/half.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/temp_dir.h"

namespace footnote::kernels {
namespace {

std::vector<std::byte> FromHex(const std::string& hex) {
  std::vector<std::byte> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(hex.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::vector<float> FromBase64(const std::string& text) {
  std::vector<uint8_t> bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    int value = -1;
    if (c >= 'A' && c <= 'Z') value = c - 'A';
    if (c >= 'a' && c <= 'z') value = c - 'a' + 26;
    if (c >= '0' && c <= '9') value = c - '0' + 52;
    if (c == '+') value = 62;
    if (c == '/') value = 63;
    if (value < 0) break;
    bits = bits << 6 | static_cast<uint32_t>(value);
    count += 6;
    if (count >= 8) {
      count -= 8;
      bytes.push_back(static_cast<uint8_t>(bits >> count));
    }
  }
  std::vector<float> values(bytes.size() / 4);
  std::memcpy(values.data(), bytes.data(), values.size() * 4);
  return values;
}

std::vector<nlohmann::json> Lines(const std::string& name) {
  std::ifstream file(footnote::testing::DataDir() / "goldens" / name);
  std::vector<nlohmann::json> lines;
  for (std::string line; std::getline(file, line);) lines.push_back(nlohmann::json::parse(line));
  return lines;
}

DType FormatOf(const nlohmann::json& line) {
  const std::optional<DType> dtype = DTypeFromGguf(line.at("ggml_type").get<uint32_t>());
  EXPECT_TRUE(dtype.has_value());
  EXPECT_EQ(DTypeName(*dtype), line.at("format").get<std::string>());
  return *dtype;
}

TEST(DType, DecodesEveryGoldenBlockExactly) {
  const auto lines = Lines("quant_blocks.jsonl");
  ASSERT_EQ(lines.size(), 14u);
  for (const auto& line : lines) {
    const DType dtype = FormatOf(line);
    SCOPED_TRACE(DTypeName(dtype));
    EXPECT_EQ(BlockElements(dtype), line.at("block_values").get<int64_t>());
    EXPECT_EQ(BlockBytes(dtype), line.at("block_bytes").get<int64_t>());
    const std::vector<std::byte> bytes = FromHex(line.at("hex"));
    const std::vector<float> wanted = FromBase64(line.at("values").at("f32"));
    std::vector<float> got(wanted.size());
    ASSERT_OK(Dequantize(dtype, bytes, got));
    for (size_t i = 0; i < got.size(); ++i) ASSERT_EQ(got[i], wanted[i]) << "element " << i;
  }
}

TEST(DType, EncodesEveryGoldenValueToTheSameBytes) {
  const auto lines = Lines("quantize_blocks.jsonl");
  ASSERT_EQ(lines.size(), 7u);
  for (const auto& line : lines) {
    const DType dtype = FormatOf(line);
    SCOPED_TRACE(DTypeName(dtype));
    const std::vector<float> values = FromBase64(line.at("values").at("f32"));
    const std::vector<std::byte> wanted = FromHex(line.at("hex"));
    std::vector<std::byte> got(wanted.size());
    ASSERT_OK(Quantize(dtype, values, got));
    EXPECT_EQ(got, wanted);
  }
}

TEST(DType, RefusesPartsOfBlocks) {
  std::vector<std::byte> bytes(34);
  std::vector<float> values(32);
  EXPECT_OK(Dequantize(DType::kQ8_0, bytes, values));
  EXPECT_STATUS(Dequantize(DType::kQ8_0, bytes, std::span(values).first(31)), kInvalidArgument,
                "whole blocks of Q8_0");
  EXPECT_STATUS(Dequantize(DType::kQ8_0, std::span(bytes).first(33), values), kInvalidArgument,
                "33 bytes are too few");
  EXPECT_STATUS(Quantize(DType::kQ8_0, values, std::span(bytes).first(33)), kInvalidArgument,
                "too few");
}

TEST(DType, HasNoEncoderForKFormatsAndIq4) {
  std::vector<std::byte> bytes(144);
  std::vector<float> values(256);
  EXPECT_STATUS(Quantize(DType::kQ4_K, values, bytes), kUnimplemented, "Q4_K");
  EXPECT_STATUS(Quantize(DType::kIQ4_NL, values, bytes), kUnimplemented, "IQ4_NL");
}

TEST(DType, DoesNotKnowOtherGgufTypes) {
  EXPECT_EQ(DTypeFromGguf(0), DType::kF32);
  EXPECT_EQ(DTypeFromGguf(14), DType::kQ6_K);
  EXPECT_FALSE(DTypeFromGguf(4).has_value());
  EXPECT_FALSE(DTypeFromGguf(999).has_value());
}

TEST(DType, RowBytesCountWholeBlocks) {
  EXPECT_EQ(RowBytes(DType::kQ4_1, 576), 360);
  EXPECT_EQ(RowBytes(DType::kQ6_K, 512), 420);
  EXPECT_EQ(RowBytes(DType::kBF16, 33), 66);
}

TEST(Half, GoesThroughFloatAndBackUnchanged) {
  for (uint32_t bits = 0; bits < 65536; ++bits) {
    const auto half = static_cast<uint16_t>(bits);
    const float value = FloatFromHalf(half);
    if (std::isnan(value)) {
      EXPECT_TRUE(std::isnan(FloatFromHalf(HalfFromFloat(value))));
    } else {
      ASSERT_EQ(HalfFromFloat(value), half);
    }
    if (!std::isnan(FloatFromBfloat(half))) {
      ASSERT_EQ(BfloatFromFloat(FloatFromBfloat(half)), half);
    }
  }
}

TEST(Half, RoundsToTheNearestAndTiesToEven) {
  EXPECT_EQ(FloatFromHalf(HalfFromFloat(1.0f + 0x1p-11f)), 1.0f);               // tie, down
  EXPECT_EQ(FloatFromHalf(HalfFromFloat(1.0f + 0x3p-11f)), 1.0f + 0x1p-9f);     // tie, up
  EXPECT_EQ(FloatFromHalf(HalfFromFloat(1.0f + 0x1.2p-11f)), 1.0f + 0x1p-10f);  // above
  EXPECT_EQ(HalfFromFloat(65519.0f), 0x7bffu);
  EXPECT_EQ(HalfFromFloat(65520.0f), 0x7c00u);
  EXPECT_EQ(HalfFromFloat(-0x1p-25f), 0x8000u);  // tie with zero
  EXPECT_EQ(HalfFromFloat(0x1.8p-25f), 1u);
}

}  // namespace
}  // namespace footnote::kernels
