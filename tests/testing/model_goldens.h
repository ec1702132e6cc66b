// Reads what outside libraries computed: JSON lines, raw float files, base64 floats; and compares.
#pragma once

#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "tests/testing/temp_dir.h"

namespace footnote::testing {

// The lines of tests/data/goldens/NAME.
inline std::vector<nlohmann::json> GoldenLines(const std::string& name) {
  std::ifstream file(DataDir() / "goldens" / name);
  std::vector<nlohmann::json> rows;
  for (std::string line; std::getline(file, line);) rows.push_back(nlohmann::json::parse(line));
  return rows;
}

inline std::vector<float> FloatsOf(const std::string& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

// A file of little-endian floats in tests/data/goldens.
inline std::vector<float> GoldenFloats(const std::string& name) {
  std::ifstream file(DataDir() / "goldens" / name, std::ios::binary);
  return FloatsOf(std::string(std::istreambuf_iterator<char>(file), {}));
}

// {"shape": …, "f32": base64}.
inline std::vector<float> Base64Floats(const nlohmann::json& value) {
  const std::string digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string bytes;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : value.at("f32").get_ref<const std::string&>()) {
    if (c == '=') break;
    bits = bits << 6 | static_cast<uint32_t>(digits.find(c));
    if (++count % 4 != 1) {
      const int left = 6 - 2 * ((count - 1) % 4);
      bytes += static_cast<char>(bits >> left & 255);
    }
  }
  return FloatsOf(bytes);
}

// max |a - b| / max |b|; infinite when the sizes differ or a value is not a number.
inline double RelativeError(std::span<const float> a, std::span<const float> b) {
  if (a.size() != b.size() || b.empty()) return INFINITY;
  double worst = 0;
  double largest = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i]));
    if (std::isnan(difference)) return INFINITY;
    worst = std::max(worst, difference);
    largest = std::max(largest, std::abs(static_cast<double>(b[i])));
  }
  return worst / largest;
}

inline double Cosine(std::span<const float> a, std::span<const float> b) {
  double dot = 0;
  double length_a = 0;
  double length_b = 0;
  for (size_t i = 0; i < b.size(); ++i) {
    dot += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    length_a += static_cast<double>(a[i]) * static_cast<double>(a[i]);
    length_b += static_cast<double>(b[i]) * static_cast<double>(b[i]);
  }
  return dot / std::sqrt(length_a * length_b);
}

}  // namespace footnote::testing
