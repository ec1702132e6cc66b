// Reads a model's configuration key by key and remembers which were read, so that a key that would
// change the result and that nobody knows is refused by name and not silently ignored.
//
// Keys are given without the architecture's prefix: "block_count" is "llama.block_count" in a GGUF
// file. Private to the generator room. Threads: one.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "generator/weights/weight_source.h"

namespace footnote::generator {

class ConfigReader {
 public:
  // prefix: "llama." for GGUF, "" for config.json.
  ConfigReader(const WeightSource& source, std::string prefix)
      : source_(source), prefix_(std::move(prefix)) {}

  const WeightSource& source() const { return source_; }
  bool gguf() const { return source_.format() == WeightFormat::kGguf; }
  bool Has(std::string_view key);
  // As Has, but JSON null counts too: some defaults hold only for a key that is not there.
  bool Mentions(std::string_view key) const;

  // A size: 1…2^31-1. Errors: NOT_FOUND, INVALID_ARGUMENT.
  StatusOr<int64_t> Size(std::string_view key);
  StatusOr<int64_t> SizeOr(std::string_view key, int64_t absent);
  // As SizeOr, but 0 is allowed too.
  StatusOr<int64_t> CountOr(std::string_view key, int64_t absent);
  // A finite number above 0.
  StatusOr<double> Positive(std::string_view key);
  StatusOr<double> PositiveOr(std::string_view key, double absent);
  StatusOr<bool> FlagOr(std::string_view key, bool absent);
  StatusOr<std::string> TextOr(std::string_view key, std::string absent);
  // Lists; the key must be there.
  StatusOr<std::vector<int64_t>> Integers(std::string_view key);
  StatusOr<std::vector<double>> Numbers(std::string_view key);
  StatusOr<std::vector<std::string>> Texts(std::string_view key);

  // Errors: UNIMPLEMENTED when the key is there with another value than `wanted`.
  Status ExpectFlag(std::string_view key, bool wanted);
  Status ExpectNumber(std::string_view key, double wanted);
  Status ExpectText(std::string_view key, std::string_view wanted);

  // Marks keys as known to have no influence on the result.
  void Ignore(std::span<const std::string_view> keys);

  // Errors: UNIMPLEMENTED names a key of this architecture that was neither read nor ignored, and
  // is not a flag set to false.
  Status CheckAllRead() const;

  // "PATH: key 'llama.block_count'", for messages.
  std::string Describe(std::string_view key) const;

 private:
  const WeightSource& source_;
  std::string prefix_;
  std::set<std::string, std::less<>> read_;
};

// Keys that every config.json may carry and that concern training, generation defaults or
// book-keeping.
std::span<const std::string_view> HarmlessConfigKeys();

}  // namespace footnote::generator
