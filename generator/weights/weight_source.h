// Weights and metadata as a file holds them: named tensors in a read-only mapping, typed keys.
// Private to the generator room.
//
// A GGUF file's keys are its metadata keys ("llama.block_count"). A Hugging Face folder's keys are
// paths into config.json joined by dots ("hidden_size", "rope_parameters.rope_theta"). Everything
// that a file says was checked before a source exists: offsets, sizes and shapes may be trusted.
// Threads: const after opening, so any number may read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/status.h"
#include "kernels/dtype.h"

namespace footnote::generator {

struct StoredTensor {
  std::string name;
  kernels::DType dtype = kernels::DType::kF32;
  std::vector<int64_t> shape;        // outermost first: a matrix is {rows, columns}; {} is a scalar
  std::span<const std::byte> bytes;  // rows one after the other; valid while the source lives

  int64_t elements() const {
    int64_t count = 1;
    for (const int64_t extent : shape) count *= extent;
    return count;
  }
};

enum class WeightFormat { kGguf, kHuggingFace };

class WeightSource {
 public:
  virtual ~WeightSource() = default;

  virtual WeightFormat format() const = 0;
  // The path, for error messages.
  virtual const std::string& description() const = 0;
  // Files that were mapped or read, in a fixed order, and their bytes in all.
  virtual const std::vector<std::filesystem::path>& files() const = 0;
  virtual int64_t total_bytes() const = 0;

  // Tensors in the file's order; Find gives null when there is none of that name.
  virtual const std::vector<StoredTensor>& tensors() const = 0;
  virtual const StoredTensor* Find(std::string_view name) const = 0;
  // A tensor that a model may lack: null when it is absent. Errors: UNIMPLEMENTED when the file
  // holds it in a number format that is not supported (such tensors are not among tensors(); stray
  // ones, mask buffers and position ids, do no harm).
  virtual StatusOr<const StoredTensor*> Optional(std::string_view name) const = 0;
  // A tensor that must be there. Errors: as Optional; NOT_FOUND names the tensor and the file.
  virtual StatusOr<const StoredTensor*> Require(std::string_view name) const = 0;

  // Metadata. Errors: NOT_FOUND when there is no such key; INVALID_ARGUMENT when its value has
  // another type (an integer is also a float; a float without a fraction is no integer). JSON null
  // counts as absent.
  virtual bool Has(std::string_view key) const = 0;
  virtual StatusOr<int64_t> GetInt(std::string_view key) const = 0;
  virtual StatusOr<double> GetFloat(std::string_view key) const = 0;
  virtual StatusOr<bool> GetBool(std::string_view key) const = 0;
  virtual StatusOr<std::string> GetString(std::string_view key) const = 0;
  virtual StatusOr<std::vector<int64_t>> GetInts(std::string_view key) const = 0;
  virtual StatusOr<std::vector<double>> GetFloats(std::string_view key) const = 0;
  virtual StatusOr<std::vector<std::string>> GetStrings(std::string_view key) const = 0;
  // Names of all keys (the top level's for config.json), in the file's order.
  virtual std::vector<std::string> Keys() const = 0;

  // The same with a value for an absent key; a value of another type is still an error.
  StatusOr<int64_t> GetIntOr(std::string_view key, int64_t absent) const {
    return Has(key) ? GetInt(key) : StatusOr<int64_t>(absent);
  }
  StatusOr<double> GetFloatOr(std::string_view key, double absent) const {
    return Has(key) ? GetFloat(key) : StatusOr<double>(absent);
  }
  StatusOr<bool> GetBoolOr(std::string_view key, bool absent) const {
    return Has(key) ? GetBool(key) : StatusOr<bool>(absent);
  }
  StatusOr<std::string> GetStringOr(std::string_view key, std::string absent) const {
    return Has(key) ? GetString(key) : StatusOr<std::string>(std::move(absent));
  }

  // Pages of the files that hold some of these bytes leave this process's memory until they are
  // read again: for weights that were copied into another form. Bytes of no file are left alone.
  virtual void DropResidentPages(std::span<const std::byte> part) const = 0;

  // The model's own chat template text, or empty: `tokenizer.chat_template`, or tokenizer_config's
  // (or chat_template.jinja's).
  virtual const std::string& chat_template() const = 0;
};

// A `.gguf` file (or any part of a split one) or a Hugging Face folder (config.json and
// safetensors). A folder without config.json that holds exactly one GGUF model opens that. Errors:
// NOT_FOUND, DATA_LOSS (damaged or truncated: names file, key or tensor, and offset), UNIMPLEMENTED
// (by name).
StatusOr<std::unique_ptr<WeightSource>> OpenWeights(const std::filesystem::path& path);

}  // namespace footnote::generator
